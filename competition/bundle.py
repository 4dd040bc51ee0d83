"""The bundle: what participants see of a competition, opened without reading it into memory."""

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from competition.layout import MANIFEST, TEST_IMAGES, TEST_TABLE, TRAIN_IMAGES, TRAIN_TABLE
from competition.rules import RULES_FILE, Rules, load_rules

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1
FOLD_COLUMN = "fold"
VALIDATION_FOLD = 0

Value = TypeVar("Value")


@dataclass(frozen=True)
class Bundle:
    """An open bundle. Row i of a table and item i of the images beside it are the same item.

    Attributes:
        folder: where it lies.
        rules: what a submission is judged by.
        manifest: checksums, versions, seed and counts.
    """

    folder: Path
    rules: Rules
    manifest: dict[str, Any]

    @cached_property
    def train_images(self) -> NDArray[np.uint8]:
        """uint8, N x height x width (gray) or N x height x width x 3 (RGB), as a read-only memory map."""
        return self._images(TRAIN_IMAGES)

    @cached_property
    def test_images(self) -> NDArray[np.uint8]:
        """Like `train_images`, in the order of `test_ids`."""
        return self._images(TEST_IMAGES)

    @cached_property
    def train_ids(self) -> list[str]:
        """The ids of the training items."""
        return self._column(TRAIN_TABLE, self.rules.id_column)

    @cached_property
    def test_ids(self) -> list[str]:
        """The ids that a submission must hold."""
        return self._column(TEST_TABLE, self.rules.id_column)

    @cached_property
    def train_labels(self) -> NDArray[np.int64]:
        """The class of each training item as its position in `rules.labels`."""
        position = {label: index for index, label in enumerate(self.rules.labels)}
        return np.array(self._target(position.__getitem__, "a label of this competition"), dtype=np.int64)

    @cached_property
    def train_values(self) -> NDArray[np.float64]:
        """The target of each training item of a regression."""
        return np.array(self._target(float, "a number"), dtype=np.float64)

    @cached_property
    def target_texts(self) -> list[str]:
        """The target of each training item as the text in `train.csv`."""
        return self._column(TRAIN_TABLE, self.rules.target_column)

    @cached_property
    def train_folds(self) -> NDArray[np.int64] | None:
        """The fold of each training item, fold 0 for validation; None where the competition has no folds."""
        if FOLD_COLUMN not in self._train_columns:
            return None
        return np.array([int(fold) for fold in self._train_columns[FOLD_COLUMN]], dtype=np.int64)

    @cached_property
    def train_table(self) -> "pl.DataFrame":
        """All columns of `train.csv`, the features of a table competition among them."""
        return self._table(TRAIN_TABLE)

    @cached_property
    def test_table(self) -> "pl.DataFrame":
        """All columns of `test.csv`."""
        return self._table(TEST_TABLE)

    def verify(self) -> None:
        """Compare the checksum of every file with the manifest.

        Raises:
            BadInputError: a file was changed after `grader prepare`.
        """
        for name, noted in self.manifest["files"].items():
            with (self.folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != noted["sha256"]:
                    raise BadInputError(
                        f"{self.folder / name}: differs from the manifest; run `grader prepare --force`"
                    )

    def _images(self, name: str) -> NDArray[np.uint8]:
        path = self.folder / name
        if name not in self.manifest["files"]:
            raise BadInputError(f"{path}: this competition is about a table and has no images")
        try:
            images = np.lib.format.open_memmap(path, mode="r")
        # What numpy raises on a damaged header is not declared anywhere; these were seen.
        except (OSError, ValueError, TypeError, SyntaxError, TokenError) as error:
            raise BadInputError(f"{path}: is no array of images ({error}); run `grader prepare` again") from None
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise BadInputError(f"{path}: holds {images.dtype} of shape {images.shape}, no images in uint8")
        return images

    @cached_property
    def _train_columns(self) -> dict[str, list[str]]:
        wanted = {self.rules.id_column, self.rules.target_column, FOLD_COLUMN}
        return _columns(self.folder / TRAIN_TABLE, wanted)

    def _column(self, table: str, column: str) -> list[str]:
        columns = self._train_columns if table == TRAIN_TABLE else _columns(self.folder / table, {column})
        if column not in columns:
            raise BadInputError(f"{self.folder / table}: has no column {column!r}; run `grader prepare` again")
        return columns[column]

    def _target(self, convert: Callable[[str], Value], what: str) -> list[Value]:
        try:
            return [convert(text) for text in self.target_texts]
        except (KeyError, ValueError):
            raise BadInputError(f"{self.folder / TRAIN_TABLE}: a target is not {what}") from None

    def _table(self, name: str) -> "pl.DataFrame":
        import polars as pl

        texts = [self.rules.id_column] + ([self.rules.target_column] if self.rules.labels else [])
        overrides = dict.fromkeys(texts, pl.String())
        try:
            return pl.read_csv(self.folder / name, infer_schema_length=None, schema_overrides=overrides)
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = str(error).partition("\n")[0]
            raise BadInputError(f"{self.folder / name}: is no CSV of a bundle ({reason})") from None


def open_bundle(folder: Path) -> Bundle:
    """Open the bundle in `folder`; its arrays are mapped and its tables read when they are first asked for.

    Raises:
        BadInputError: there is none, or a file is missing or cut short.
    """
    manifest = read_manifest(folder)
    for name, noted in manifest["files"].items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != noted["bytes"]:
            found = "is missing" if size is None else f"has {size} bytes, not {noted['bytes']}"
            raise BadInputError(f"{path}: {found}; run `grader prepare` again")
    return Bundle(folder, load_rules(folder / RULES_FILE), manifest)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the bundle in `folder`.

    Raises:
        BadInputError: there is none, or it is of another format.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        fits = manifest["format"] == FORMAT and all(
            isinstance(noted["bytes"], int) and isinstance(noted["sha256"], str) and Path(name).name == name
            for name, noted in manifest["files"].items()
        )
    except OSError:
        raise BadInputError(f"{folder}: no bundle here; run `grader prepare {folder.name}` first") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        fits = False
    if not fits:
        raise BadInputError(f"{path}: is no manifest of a bundle; run `grader prepare {folder.name}` again")
    return dict(manifest)


def _columns(path: Path, wanted: set[str]) -> dict[str, list[str]]:
    """The wanted columns of a CSV that are there, as text."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            places = {name: place for place, name in enumerate(header) if name in wanted}
            columns: dict[str, list[str]] = {name: [] for name in places}
            for row in rows:
                for name, place in places.items():
                    columns[name].append(row[place])
    except (OSError, UnicodeDecodeError, csv.Error, IndexError) as error:
        raise BadInputError(f"{path}: is no CSV of a bundle ({error}); run `grader prepare` again") from None
    return columns
