"""The `source:` part of a competition.yaml: where the items come from when the command line names no other place."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["glyphs", "cifar10", "fashion_mnist", "emnist_letters", "stl10", "images", "table", "kaggle", "host"]


class SourceSpec(BaseModel):
    """A source and how it is read; every key but `kind` has a default that suits most sources.

    The kind decides where the items come from when no `--source PATH` is given. What lies at a path is recognised by
    what it is, whatever the kind says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        description="glyphs (embedded), cifar10, fashion_mnist, emnist_letters, stl10 (official download), "
        "images, table (at `path`), kaggle or host (train, test and solution of a Kaggle host, at `path`)"
    )
    path: str | None = Field(
        default=None, description="a path relative to the competition's folder, of an images, table or glyphs source"
    )
    files: tuple[str, ...] = Field(
        default=(), description="a list of file names: the ones that a source folder holds are read, together"
    )
    fit: Literal["stretch", "ink"] = Field(
        default="stretch", description="stretch (scale an image to the image shape) or ink (cut and centre its ink)"
    )
    other_classes: Literal["refuse", "drop"] = Field(
        default="refuse", description="refuse or drop: what happens to items of classes outside the label set"
    )
    competition: str | None = Field(default=None, description="the slug of a Kaggle competition")
    table: str | None = Field(default=None, description="the name of a CSV or parquet file inside the source")
    label_column: str | None = Field(default=None, description="the name of the column that holds the label")
    image_column: str | None = Field(
        default=None, description="the name of the column that holds paths of images, relative to the table"
    )
    group_column: str | None = Field(
        default=None, description="the name of the column that tells what a split must keep together"
    )
    drop_columns: tuple[str, ...] = Field(
        default=(), description="a list of columns that are no features, such as row numbers"
    )
