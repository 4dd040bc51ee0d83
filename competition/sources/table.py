"""A CSV or parquet table: of features, of pixels, or of paths to images that lie beside it."""

import io
from difflib import get_close_matches

import numpy as np
import polars as pl
from numpy.typing import NDArray

from competition.errors import BadInputError, UserError
from competition.sources.decode import decode_images
from competition.sources.members import Member, damaged
from competition.sources.named_images import NamedImages
from competition.sources.picture import SUFFIXES
from competition.sources.pool import Pool
from competition.sources.reading import TABLE_SUFFIXES, Reading

LABEL_COLUMNS = ("label", "target", "class", "y")
# What Kaggle puts beside the table with the labels.
UNLABELLED = ("test.csv", "sample_submission.csv", "samplesubmission.csv", "test.parquet")
NUL_SEARCH_BYTES = 4096  # a table in UTF-16 has a NUL among its first few
FIRST_LINE = 2  # of a CSV, after its header


def read_table(reading: Reading) -> Pool:
    """The rows of the table, in its order.

    Raises:
        BadInputError: the table is damaged, a cell of the label is empty, a path names no image.
        UserError: the spec names a column or a table that is not there.
    """
    member = _table_member(reading)
    frame = _frame(reading, member)
    label_column = _label_column(reading, frame, member)
    texts = _texts(reading, frame, label_column, member)
    labels = [reading.wanted.labels.label_of(text, reading.path, _row(member, row)) for row, text in enumerate(texts)]
    kept = [row for row, label in enumerate(labels) if label is not None]
    frame = frame if len(kept) == len(labels) else frame[kept]
    group_column = reading.wanted.source.group_column
    groups = _texts(reading, frame, group_column, member) if group_column else None
    images, features = _content(reading, frame, member, [label_column, *([group_column] if group_column else [])])
    return Pool(
        images=images,
        table=features,
        labels=[label for label in labels if label is not None],
        names=[_row(member, row) for row in kept],
        groups=groups,
    )


def _table_member(reading: Reading) -> Member:
    """The table that the spec names, or the only one that can hold labels."""
    tables = {name: reading.container.members[name] for name in reading.others if name.lower().endswith(TABLE_SUFFIXES)}
    if wanted := reading.wanted.source.table:
        found = [m for name, m in tables.items() if name == wanted or name.endswith(f"/{wanted}")]
    else:
        found = [m for name, m in tables.items() if name.rpartition("/")[2].lower() not in UNLABELLED]
        trains = [m for m in found if m.name.rpartition("/")[2].lower().startswith("train.")]
        found = trains or found
    if len(found) != 1:
        problem = "several tables" if found else f"no table {wanted!r}" if wanted else "no table with labels"
        raise UserError(
            f"{reading.path}: {problem} (it holds {', '.join(sorted(tables)) or 'none'}); name one as `source: table:`"
        )
    return found[0]


def _frame(reading: Reading, member: Member) -> pl.DataFrame:
    """The table; the label and group columns of a CSV keep their text."""
    data = reading.container.read(member)
    try:
        if member.name.lower().endswith(".parquet"):
            return pl.read_parquet(io.BytesIO(data))
        if b"\0" in data[:NUL_SEARCH_BYTES]:
            raise damaged(reading.path, member.name, "no CSV in UTF-8")
        header = pl.read_csv(io.BytesIO(data), n_rows=0, infer_schema=False)
        texts = {_label_column(reading, header, member), reading.wanted.source.group_column}
        as_text = {column: pl.String for column in header.columns if column in texts}
        frame = pl.read_csv(io.BytesIO(data), schema_overrides=as_text, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise damaged(reading.path, member.name, " ".join(str(error).split("\n")[0].split())) from error
    if frame.is_empty():
        raise BadInputError(f"{reading.path}: {member.name!r} has no rows")
    return frame


def _label_column(reading: Reading, frame: pl.DataFrame, member: Member) -> str:
    if named := reading.wanted.source.label_column:
        return _existing(reading, frame, named, member)
    by_lower = {column.lower(): column for column in frame.columns}
    return next((by_lower[name] for name in LABEL_COLUMNS if name in by_lower), frame.columns[-1])


def _existing(reading: Reading, frame: pl.DataFrame, column: str, member: Member) -> str:
    if column in frame.columns:
        return column
    near = get_close_matches(column, frame.columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(frame.columns[:20])}"
    raise UserError(f"{reading.path}: {member.name!r} has no column {column!r}; {hint}")


def _texts(reading: Reading, frame: pl.DataFrame, column: str, member: Member) -> list[str]:
    """A column as text without empty cells."""
    values = frame[_existing(reading, frame, column, member)].cast(pl.String)
    empty = (values.is_null() | (values.str.strip_chars() == "")).fill_null(True).arg_true()
    if len(empty):
        raise BadInputError(f"{reading.path}: {_row(member, empty[0])}: no {column!r} ({len(empty)} rows like that)")
    return values.str.strip_chars().to_list()


def _row(member: Member, row: int) -> str:
    return f"{member.name}:{row + FIRST_LINE}"


def _content(
    reading: Reading, frame: pl.DataFrame, member: Member, taken: list[str]
) -> tuple[NDArray[np.uint8] | None, pl.DataFrame | None]:
    """The images that the rows name or hold, or the features."""
    dropped = {*taken, *reading.wanted.source.drop_columns, *(c for c in frame.columns if c.lower() == "id")}
    if reading.wanted.shape is None:
        features = frame.drop([column for column in frame.columns if column in dropped])
        if not features.width:
            raise BadInputError(f"{reading.path}: {member.name!r} has no columns beside the label")
        return None, features
    if column := _image_column(reading, frame, member):
        paths = _texts(reading, frame, column, member)
        named = NamedImages(reading.container, member).named
        members = [named(path, _row(member, row)) for row, path in enumerate(paths)]
        return decode_images(reading.container, members, reading.wanted.shape, reading.wanted.progress), None
    return _pixels(reading, frame.drop([c for c in frame.columns if c in dropped]), member), None


def _image_column(reading: Reading, frame: pl.DataFrame, member: Member) -> str | None:
    """The column that the spec names, or the first whose first cell looks like the path of an image."""
    if named := reading.wanted.source.image_column:
        return _existing(reading, frame, named, member)
    texts = [column for column in frame.columns if frame.schema[column] == pl.String]
    return next((c for c in texts if str(frame[c][0]).lower().endswith(SUFFIXES)), None)


def _pixels(reading: Reading, frame: pl.DataFrame, member: Member) -> NDArray[np.uint8]:
    """Rows of pixels, 0..255, row by row and (RGB) channel last."""
    assert reading.wanted.shape is not None  # asked before
    shape = reading.wanted.shape.array_shape
    if frame.width != int(np.prod(shape)):
        raise BadInputError(
            f"{reading.path}: {member.name!r} has {frame.width} columns beside the label; "
            f"an image shape of {' x '.join(map(str, shape))} needs {int(np.prod(shape))}"
        )
    no_pixels = BadInputError(f"{reading.path}: {member.name!r} has cells that are no pixels from 0 to 255")
    if not all(dtype.is_integer() for dtype in frame.dtypes) or sum(frame.null_count().row(0)):
        raise no_pixels
    try:
        return frame.cast(pl.UInt8).to_numpy().reshape(-1, *shape)
    except pl.exceptions.PolarsError as error:
        raise no_pixels from error
