"""The files of a Kaggle host: train, test and the solution with Usage; their split, ids and order are kept.

The solution lies in the folder or below it (`private/solution.csv`); the rest lies there too, or in a `data.zip`.
Images are the two arrays of a bundle, or files that a column or the ids name.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from competition.errors import BadInputError, UserError
from competition.layout import SOLUTION, TEST_IMAGES, TEST_TABLE, TRAIN_IMAGES, TRAIN_TABLE
from competition.private import check_private
from competition.sources.container import is_archive
from competition.sources.decode import decode_images
from competition.sources.members import Container, Member, damaged
from competition.sources.named_images import NamedImages
from competition.sources.pool import GivenSplit, Pool
from competition.sources.reading import Reading
from competition.sources.zip_archive import ZipArchive

DATA_ARCHIVE = "data.zip"
USAGE_COLUMN = "Usage"
USAGES = ("Public", "Private", "Ignored")
FOLD_COLUMN = "fold"
FIRST_LINE = 2  # of a CSV, after its header


@dataclass(frozen=True, slots=True)
class HostSolution:
    """What a host keeps hidden: label and usage by id, and what the two columns are called."""

    id_column: str
    target_column: str
    hidden: dict[str, tuple[str, str]]


def read_host(reading: Reading) -> Pool:
    """The training items, then the test items with their hidden labels, as the host gave them.

    Raises:
        UserError: a file is missing, or others can read the solution.
        BadInputError: a table is damaged, or the solution and the test part are of different ids.
    """
    with open_data(reading.container) as data:
        tables = [read_text_table(data, only_member(data, name)) for name in (TRAIN_TABLE, TEST_TABLE)]
        train, test = tables
        solution = read_host_solution(reading.container, test.columns)
        labels = _train_labels(data, train, solution) + _hidden(data, test, solution)
        ids = _ids(data, train, solution.id_column, required=False) + _ids(data, test, solution.id_column)
        usage = [""] * len(train) + [solution.hidden[item][1] for item in ids[len(train) :]]
        folds = _folds(data, train, test)
        images, features = _content(reading, data, tables, ids, solution)
    return Pool(
        images=images,
        table=features,
        labels=labels,
        names=[f"{TRAIN_TABLE}:{row + FIRST_LINE}" for row in range(len(train))]
        + [f"{TEST_TABLE}:{row + FIRST_LINE}" for row in range(len(test))],
        parts=["train"] * len(train) + ["test"] * len(test),
        given=GivenSplit(ids, usage, folds),
    )


@contextmanager
def open_data(container: Container) -> Iterator[Container]:
    """What participants get: the folder itself, or the archive `data.zip` in it.

    Raises:
        BadInputError: the archive is damaged or hostile.
    """
    path = container.path / DATA_ARCHIVE
    if _by_base_name(container, TRAIN_TABLE) or not path.is_file() or not is_archive(path):
        yield container
        return
    with ZipArchive(path) as data:
        yield data


def only_member(container: Container, base_name: str) -> Member:
    """The one file of that name, wherever it lies; of several the one that lies highest.

    Raises:
        UserError: there is none, or several lie equally high.
    """
    found = sorted(_by_base_name(container, base_name), key=lambda member: member.name.count("/"))
    if not found or [member.name.count("/") for member in found].count(found[0].name.count("/")) > 1:
        problem = f"holds several files {base_name}" if found else f"holds no {base_name}"
        raise UserError(f"{container.path}: {problem}; a host's files are train.csv, test.csv and solution.csv")
    return found[0]


def has_solution(container: Container) -> bool:
    """Whether there is a solution with Usage among the files."""
    return any(
        USAGE_COLUMN.encode() in container.read(member).partition(b"\n")[0]
        for member in _by_base_name(container, SOLUTION)
    )


def read_host_solution(container: Container, known_columns: list[str]) -> HostSolution:
    """The solution; its id column is the one that the test table has too.

    Raises:
        UserError: there is none, or others can read it.
        BadInputError: it is no table of an id, a target and a Usage; no message holds a label.
    """
    member = only_member(container, SOLUTION)
    if (on_disk := container.path / member.name).is_file():
        check_private(on_disk)
    header, *rows = _rows(container, member)
    others = [name for name in header if name != USAGE_COLUMN]
    known = [name for name in others if name in known_columns]
    if len(header) != 3 or len(set(header)) != 3 or len(others) != 2 or len(known) != 1:
        raise damaged(container.path, member.name, "its columns must be the id of test.csv, one target and Usage")
    places = [header.index(name) for name in (known[0], *(set(others) - set(known)), USAGE_COLUMN)]
    hidden: dict[str, tuple[str, str]] = {}
    for line, row in enumerate(rows, start=FIRST_LINE):
        if len(row) != 3 or row[places[2]] not in USAGES:
            raise damaged(container.path, member.name, f"line {line}: Usage must be one of {', '.join(USAGES)}")
        if not row[places[0]] or row[places[0]] in hidden:
            raise damaged(container.path, member.name, f"line {line}: the id is missing or there already")
        hidden[row[places[0]]] = row[places[1]], row[places[2]]
    return HostSolution(header[places[0]], header[places[1]], hidden)


def read_text_table(container: Container, member: Member) -> pl.DataFrame:
    """A CSV with every cell as the text it is.

    Raises:
        BadInputError: it is no table, or has no rows.
    """
    try:
        frame = pl.read_csv(io.BytesIO(container.read(member)), infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise damaged(container.path, member.name, " ".join(str(error).split("\n")[0].split())) from error
    if frame.is_empty():
        raise damaged(container.path, member.name, "it has no rows")
    return frame


def _rows(container: Container, member: Member) -> list[list[str]]:
    try:
        text = container.read(member).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error):  # their words would show what the file holds
        raise damaged(container.path, member.name, "it is no CSV in UTF-8") from None
    if len(rows) < 2:
        raise damaged(container.path, member.name, "it has no rows")
    return rows


def _by_base_name(container: Container, base_name: str) -> list[Member]:
    return [member for name, member in container.members.items() if name.rpartition("/")[2] == base_name]


def _ids(data: Container, frame: pl.DataFrame, column: str, required: bool = True) -> list[str]:
    """The ids of a table; training items without ids get a number each."""
    if not required and column not in frame.columns:
        return [f"train-{number}" for number in range(1, len(frame) + 1)]
    ids = frame[column]
    if ids.null_count() or ids.n_unique() < len(ids):
        raise BadInputError(f"{data.path}: the column {column!r} has empty or repeated ids")
    return ids.to_list()


def _train_labels(data: Container, train: pl.DataFrame, solution: HostSolution) -> list[str]:
    column = solution.target_column
    if column not in train.columns:
        raise BadInputError(f"{data.path}: {TRAIN_TABLE} has no column {column!r}, the target of {SOLUTION}")
    if empty := train[column].null_count():
        raise BadInputError(f"{data.path}: {TRAIN_TABLE} has {empty} rows without {column!r}")
    return train[column].to_list()


def _hidden(data: Container, test: pl.DataFrame, solution: HostSolution) -> list[str]:
    """The hidden label of each test item."""
    ids = _ids(data, test, solution.id_column)
    if different := sorted(set(ids).symmetric_difference(solution.hidden)):
        raise BadInputError(
            f"{data.path}: {TEST_TABLE} and {SOLUTION} differ in {len(different):,} ids, such as {different[0]!r}"
        )
    return [solution.hidden[item][0] for item in ids]


def _folds(data: Container, train: pl.DataFrame, test: pl.DataFrame) -> list[int] | None:
    if FOLD_COLUMN not in train.columns or FOLD_COLUMN in test.columns:
        return None
    folds = train[FOLD_COLUMN].cast(pl.Int64, strict=False)
    if folds.null_count() or folds.min() < 0:  # type: ignore[operator]
        raise BadInputError(f"{data.path}: {TRAIN_TABLE} has a column {FOLD_COLUMN!r} that is no whole number from 0")
    return [*folds.to_list(), *[0] * len(test)]


def _content(
    reading: Reading, data: Container, tables: list[pl.DataFrame], ids: list[str], solution: HostSolution
) -> tuple[NDArray[np.uint8] | None, pl.DataFrame | None]:
    """The images of all items, or their features."""
    if reading.wanted.shape is None:
        return None, _features(data, tables, solution, reading.wanted.source.drop_columns)
    if _by_base_name(data, TRAIN_IMAGES):
        arrays = [_array(data, only_member(data, name)) for name in (TRAIN_IMAGES, TEST_IMAGES)]
        if [len(array) for array in arrays] != [len(table) for table in tables]:
            raise BadInputError(f"{data.path}: the arrays of images and the tables have different numbers of rows")
        return np.concatenate(arrays), None
    column = reading.wanted.source.image_column or solution.id_column
    members = []
    for name, table in zip((TRAIN_TABLE, TEST_TABLE), tables, strict=True):
        if column not in table.columns:
            raise BadInputError(f"{data.path}: {name} has no column {column!r} that names the images")
        images = NamedImages(data, only_member(data, name))
        members += [images.named(cell, f"{name}:{row}") for row, cell in enumerate(table[column], start=FIRST_LINE)]
    return decode_images(data, members, reading.wanted.shape, reading.wanted.progress), None


def _features(
    data: Container, tables: list[pl.DataFrame], solution: HostSolution, dropped: Sequence[str]
) -> pl.DataFrame:
    """The columns of train and test that are neither id nor target nor fold, as text."""
    train, test = tables
    columns = [name for name in test.columns if name != solution.id_column and name not in dropped]
    if not columns or not set(columns) <= set(train.columns):
        raise BadInputError(f"{data.path}: {TRAIN_TABLE} and {TEST_TABLE} have different features, or none")
    return pl.concat([train.select(columns), test.select(columns)])


def image_shape(data: Container, member: Member) -> tuple[int, int, int]:
    """Height, width and channels of the images in an .npy file.

    Raises:
        BadInputError: it is no array of images.
    """
    images = _array(data, member)
    return images.shape[1], images.shape[2], 1 if images.ndim == 3 else images.shape[3]


def _array(data: Container, member: Member) -> NDArray[np.uint8]:
    """The images of an .npy file, without a copy of its bytes."""
    content = data.read(member)
    stream = io.BytesIO(content)
    try:
        np.lib.format.read_magic(stream)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        images = np.frombuffer(content, dtype=np.uint8, offset=stream.tell()).reshape(shape)
    except (ValueError, TypeError, SyntaxError) as error:
        raise damaged(data.path, member.name, " ".join(str(error).split())) from error
    if dtype != np.uint8 or fortran or images.ndim not in (3, 4):
        raise damaged(data.path, member.name, f"holds {dtype} of shape {shape}, no images in uint8")
    return images
