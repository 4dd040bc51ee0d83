"""A first guess at a competition from its data alone: task, metric, labels, columns and image shape, each with why."""

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from competition.errors import BadInputError, UserError

if TYPE_CHECKING:
    import polars as pl

    from competition.sources.members import Container, Member
    from competition.sources.named_images import NamedImages

LOOKED_AT = 200  # images whose size and colour are looked at
MOST_CLASSES_OF_WHOLE_NUMBERS = 20
MOST_CLASSES = 5000
LOPSIDED = 0.8  # of all items in one class: there accuracy rewards a model that knows nothing
LARGEST_SIDE_PX = 224


@dataclass(frozen=True, slots=True)
class Draft:
    """What a spec would say of the data, and why.

    Attributes:
        task: classification or regression.
        metric: a name.
        labels: the label set in label order; empty for a regression.
        source: the keys of `source:` besides `path`.
        items: how many items the data hold.
        image: height, width and channels; None for a table of features.
        id_column: what the ids are called.
        target_column: what the target is called.
        given_test: how many items the source's own test part has; 0 where the items are to be split.
        choices: one line a guess, with its reason.
    """

    task: Literal["classification", "regression"]
    metric: str
    labels: tuple[str, ...]
    source: dict[str, Any]
    items: int
    image: tuple[int, int, int] | None = None
    id_column: str = "id"
    target_column: str = "label"
    given_test: int = 0
    choices: tuple[str, ...] = field(default=())


def draft_from(data: Path, target: str | None = None) -> Draft:
    """Guess what the competition about `data` is.

    Args:
        data: a folder or an archive with one folder of images a class, or a CSV or parquet table.
        target: the column to predict, where it cannot be told from its name.

    Raises:
        UserError: there is nothing to read, or no column can be the target.
        BadInputError: the data are damaged, or a class has a single item.
    """
    from competition.sources.container import open_container
    from competition.sources.named_images import NamedImages
    from competition.sources.reading import TABLE_SUFFIXES

    with tempfile.TemporaryDirectory() as scratch, open_container(data, Path(scratch)) as container:
        if data.is_file() and data.name.lower().endswith(TABLE_SUFFIXES):
            return draft_table(read_table(data), target, NamedImages(container, container.members[data.name]))
        if target is not None:
            raise UserError(f"{data}: a target column is for a table, and this is none")
        return draft_images(container, data)


def draft_images(container: "Container", data: Path) -> Draft:
    """Guess from one folder of images a class."""
    from competition.sources.picture import SUFFIXES

    members = [member for name, member in container.members.items() if name.lower().endswith(SUFFIXES)]
    classes = Counter(_class_of(member.name) for member in members)
    if "" in classes or len(classes) < 2:
        raise UserError(f"{data}: expected one folder of images a class (cat/1.png, dog/1.png), or a CSV")
    labels = label_order(classes)
    _check_classes(classes, str(data))
    image, why_image = _image_shape(container, members, data)
    metric, why_metric = _classification_metric(classes)
    choices = (f"task: classification, of {len(labels)} folders", why_metric, why_image)
    return Draft("classification", metric, labels, {"kind": "images"}, len(members), image, choices=choices)


def draft_table(frame: "pl.DataFrame", target: str | None, images: "NamedImages") -> Draft:
    """Guess from a table of texts and the images that its cells may name."""
    column, why_target = _target_column(frame, target)
    texts = _target_texts(frame, column)
    task, why_task = _task(texts, column)
    counts = Counter(texts)
    source: dict[str, Any] = {"kind": "table", "label_column": column}
    choices = [why_target, why_task]
    if task == "classification":
        _check_classes(counts, f"column {column!r}")
        metric, why_metric = _classification_metric(counts)
        labels = label_order(counts)
    else:
        metric, why_metric, labels = "rmse", "metric: rmse, the usual one of a regression", ()
    choices.append(why_metric)
    image = _add_columns(frame.drop(column), source, choices, images)
    name = column if column != "id" and column.isprintable() else "label"
    return Draft(task, metric, labels, source, len(texts), image, target_column=name, choices=tuple(choices))


def read_table(path: Path) -> "pl.DataFrame":
    """A table with every cell of a CSV as the text it is.

    Raises:
        UserError: there is no such file.
        BadInputError: it is no table.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(path) if path.suffix.lower() == ".parquet" else pl.read_csv(path, infer_schema=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read as a table ({' '.join(str(error).split())[:120]})") from None
    if frame.is_empty() or frame.width < 2:
        raise BadInputError(f"{path}: needs rows, a target column and at least one more column")
    return frame


def label_order(labels: Counter[str] | Sequence[str]) -> tuple[str, ...]:
    """Labels in the order people expect: numbers by value, text by its letters."""
    return tuple(sorted(labels, key=_natural))


def _natural(label: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", label)
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part]


def _class_of(name: str) -> str:
    """The class of an image by the folder it lies in; folders such as `CAP_A` name a character."""
    from competition.sources.labels import CHARACTER_FOLDER

    folder = name.rpartition("/")[0].rpartition("/")[2]
    character = CHARACTER_FOLDER.fullmatch(folder)
    return character[1] if character else folder


def _check_classes(counts: Counter[str], where: str) -> None:
    if len(counts) < 2:
        raise BadInputError(f"{where}: holds a single class, {next(iter(counts))!r}; nothing to tell apart")
    rarest, count = counts.most_common()[-1]
    if count < 2:
        raise BadInputError(f"{where}: class {rarest!r} has 1 item; a split needs at least 2 a class")


def _classification_metric(counts: Counter[str]) -> tuple[str, str]:
    label, count = counts.most_common(1)[0]
    share = count / counts.total()
    if share > LOPSIDED:
        return "log_loss", f"metric: log_loss, since always answering {label!r} would be {share:.0%} accurate"
    return "accuracy", f"metric: accuracy, since the largest class has {share:.0%} of the items"


def _image_shape(container: "Container", members: Sequence["Member"], data: Path) -> tuple[tuple[int, int, int], str]:
    """The size that all images share, else a square of their usual side; gray if all of them are."""
    from competition.sources.picture import decode

    looked_at = members[:: max(1, len(members) // LOOKED_AT)][:LOOKED_AT]
    sizes, gray = [], True
    for member in looked_at:
        try:
            pixels = decode(container.read(member), 3)
        except ValueError as error:
            raise BadInputError(f"{data}: {member.name!r} is no readable image ({error})") from None
        sizes.append(pixels.shape[:2])
        gray = gray and bool((pixels == pixels[..., :1]).all())
    color = "gray" if gray else "RGB"
    if len(set(sizes)) == 1:
        height, width = sizes[0]
        why = f"image: {height} x {width} {color}, the size of the {len(sizes)} images looked at"
    else:
        side = min(LARGEST_SIDE_PX, max(8, round(median(max(size) for size in sizes) / 8) * 8))
        height = width = side
        why = f"image: {side} x {side} {color}, the usual side of images of {len(set(sizes))} sizes"
    return (height, width, 1 if gray else 3), why


def _target_column(frame: "pl.DataFrame", target: str | None) -> tuple[str, str]:
    from difflib import get_close_matches

    from competition.sources.table import LABEL_COLUMNS

    if target is not None:
        if target not in frame.columns:
            near = get_close_matches(target, frame.columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(frame.columns[:20])}"
            raise UserError(f"the table has no column {target!r}; {hint}")
        return target, f"target: {target}, as asked"
    by_lower = {column.lower(): column for column in frame.columns}
    for name in LABEL_COLUMNS:
        if name in by_lower:
            return by_lower[name], f"target: {by_lower[name]}, by its name"
    return frame.columns[-1], f"target: {frame.columns[-1]}, the last column"


def _target_texts(frame: "pl.DataFrame", column: str) -> list[str]:
    import polars as pl

    texts = frame[column].cast(pl.String).str.strip_chars()
    empty = (texts.is_null() | (texts == "")).fill_null(True).sum()
    if empty:
        raise BadInputError(f"column {column!r}: {empty} empty cells; every row needs a target")
    return texts.to_list()


def _task(texts: list[str], column: str) -> tuple[Literal["classification", "regression"], str]:
    distinct = set(texts)
    if all(_is_number(text) for text in distinct):
        whole = all(float(text).is_integer() for text in distinct)
        if not whole or len(distinct) > MOST_CLASSES_OF_WHOLE_NUMBERS:
            return "regression", f"task: regression, of {len(distinct)} different numbers in {column!r}"
        return "classification", f"task: classification, of {len(distinct)} different whole numbers in {column!r}"
    if len(distinct) > min(MOST_CLASSES, len(texts) // 2):
        raise UserError(f"column {column!r} has {len(distinct)} different texts in {len(texts)} rows; name the target")
    return "classification", f"task: classification, of {len(distinct)} different texts in {column!r}"


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) != float("inf") and float(text) == float(text)
    except ValueError:
        return False


def _add_columns(
    features: "pl.DataFrame", source: dict[str, Any], choices: list[str], images: "NamedImages"
) -> tuple[int, int, int] | None:
    """Note which columns are names, paths of images or pixels; the image shape where there are images."""
    from competition.sources.picture import SUFFIXES

    for column in features.columns:
        cells = features[column]
        if str(cells[0]).lower().endswith(SUFFIXES) or (cells.is_unique().all() and images.has(cells.to_list())):
            source["image_column"] = column
            choices.append(f"images: the files that column {column!r} names")
            return _shape_named(cells.to_list(), images, choices)
    names = [column for column in features.columns if _names_rows(features, column)]
    if names:
        source["drop_columns"] = names
        choices.append(f"no features: {', '.join(names)}, since each row has its own value")
    left = features.drop(names)
    if shape := _pixel_shape(left):
        choices.append(f"image: {shape[0]} x {shape[1]}, since {left.width} columns hold numbers from 0 to 255")
    return shape


def _names_rows(features: "pl.DataFrame", column: str) -> bool:
    """Whether a column tells rows apart and nothing else: an id or a name."""
    values = features[column]
    if values.n_unique() < len(values):
        return False
    numbers = [str(value) for value in values]
    if not all(_is_number(value) for value in numbers):
        return True
    return bool(re.search(r"(?:^|_)(?:id|index|no)$", column.lower())) or column == ""


def _shape_named(cells: list[str], images: "NamedImages", choices: list[str]) -> tuple[int, int, int]:
    path = images.container.path
    members = [images.find(str(cell)) for cell in cells]
    missing = next((cell for cell, member in zip(cells, members, strict=True) if member is None), None)
    if missing is not None:
        raise BadInputError(f"{path}: the table names {missing!r}, and there is no such image")
    shape, why = _image_shape(images.container, [member for member in members if member], path)
    choices.append(why)
    return shape


def _pixel_shape(features: "pl.DataFrame") -> tuple[int, int, int] | None:
    """The square that columns of numbers from 0 to 255 can be, 8 pixels or more a side."""
    import polars as pl

    for channels in (1, 3):
        side = round((features.width / channels) ** 0.5)
        if side >= 8 and side * side * channels == features.width:
            numbers = features.with_columns(pl.all().cast(pl.String).cast(pl.UInt8, strict=False))
            if sum(numbers.null_count().row(0)) == 0:
                return side, side, channels
    return None
