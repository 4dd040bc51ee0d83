"""The `source:` part of a competition.yaml: where the items come from when the command line names no other place."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "glyphs", "cifar10", "fashion_mnist", "emnist_letters", "stl10", "images", "table", "kaggle"
]


class SourceSpec(BaseModel):
    """A source and how it is read; every key but `kind` has a default that suits most sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    path: str | None = None
    """Where an `images`, `table` or `glyphs` source lies, relative to the competition's folder."""
    files: tuple[str, ...] = ()
    """Read these archives or files together when the source is a folder that holds one of them."""
    fit: Literal["stretch", "ink"] = "stretch"
    """How an image of another size is brought to the image shape: scaled, or cut and centred by its ink as EMNIST does."""
    other_classes: Literal["refuse", "drop"] = "refuse"
    """What happens to items whose class is outside the label set."""
    competition: str | None = None
    """The slug of the Kaggle competition of a `kaggle` source."""
    table: str | None = None
    """The table inside the source, where it holds more than one (`train.csv`)."""
    label_column: str | None = None
    """The column of a table that holds the label; by default `label`, `target`, `class`, `y` or the last one."""
    image_column: str | None = None
    """The column of a table that holds paths of images, relative to the table."""
    group_column: str | None = None
    """The column of a table that holds what a split must not tear apart."""
    drop_columns: tuple[str, ...] = ()
    """Columns of a table that are no features: row ids, names."""
