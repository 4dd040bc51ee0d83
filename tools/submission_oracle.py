"""A second, naive judge of submissions: plain Python row by row, to compare the fast checker with.

It shares no code with `grader.submission`: Python's own decoders, csv module, dicts and `float`.
"""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from competition.rules import Rules

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BINARY = set(range(32)) - set(b"\0\t\n\v\f\r\x1a\x1b")


class RefusedError(Exception):
    """The file is no acceptable submission; the argument says why, for the person who debugs a difference."""


def expected_predictions(data: bytes, rules: Rules, ids: Sequence[str]) -> list[Any] | None:
    """What a submission predicts for each id, or None where it must be refused.

    A label is its position in the label set, a probability row is a tuple of floats, a value a float, a ranking or a
    mask its text.
    """
    try:
        header, rows = _table(_text(data, rules.max_bytes))
        return _aligned(header, rows, rules, ids)
    except RefusedError:
        return None


def expected_score(rules: Rules, truth: Sequence[Any], predicted: Sequence[Any]) -> float | None:
    """The score of some rows by counting, in exact numbers; None where the rules' metric has none to give.

    Accuracy of labels and of the most probable labels, mean absolute error of values, MAP@5 of rankings, mean Dice
    coefficient of masks. A true label is its position; other truths are written as predictions are.
    """
    score_row: dict[str, Callable[[Any, Any], Fraction | None]] = {
        "labels": lambda true, said: Fraction(true == said),
        "probabilities": lambda true, said: Fraction(true == said.index(max(said))),
        "values": lambda true, said: abs(Fraction(true) - Fraction(said)),
        "rankings": _average_precision_at_5,
        "masks": lambda true, said: _dice(true, said, rules.metric.options["shape"]),
    }
    scores = [score_row[rules.form](true, said) for true, said in zip(truth, predicted, strict=True)]
    known = [score for score in scores if score is not None]
    return float(sum(known) / len(known)) if len(known) == len(scores) else None


def _average_precision_at_5(truth: str, said: str) -> Fraction:
    relevant, total = set(truth.split()), Fraction(0)
    first = said.split()[:5]
    for rank, name in enumerate(first, 1):
        if name in relevant:
            total += Fraction(len(relevant & set(first[:rank])), rank)
    return total / min(5, len(relevant))


def _dice(truth: str, said: str, shape: Sequence[int]) -> Fraction | None:
    painted = []
    for text in (truth, said):
        numbers = list(map(int, text.split()))
        runs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if any(start + length - 1 > shape[0] * shape[1] for start, length in runs):
            return None
        painted.append({pixel for start, length in runs for pixel in range(start, start + length)})
    both = len(painted[0]) + len(painted[1])
    return Fraction(2 * len(painted[0] & painted[1]), both) if both else Fraction(1)


def _text(data: bytes, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise RefusedError("size")
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise RefusedError("gzip") from None
    elif data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        data = _unzipped(data)
    if len(data) > max_bytes:
        raise RefusedError("unpacked size")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError("encoding") from None
    if "\0" in text or not text.strip() or _BINARY & set(data[:1024]) or text.lstrip()[:1] in ("{", "[", "<"):
        raise RefusedError("no table of text")
    return text


def _unzipped(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
            names = [name for name in names if name.split("/")[-1] not in (".DS_Store", "Thumbs.db")]
            if len(names) != 1 or not names[0].lower().endswith(".csv"):
                raise RefusedError("entries")
            return archive.read(names[0])
    except RefusedError:
        raise
    except Exception as error:  # zipfile raises whatever a damaged archive leads to
        raise RefusedError("zip") from error


def _table(text: str) -> tuple[list[str], list[list[str]]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        raise RefusedError("csv") from None
    if any(len(row) != len(rows[0]) for row in rows):
        raise RefusedError("ragged")
    return rows[0], rows[1:]


def _aligned(header: list[str], rows: list[list[str]], rules: Rules, ids: Sequence[str]) -> list[Any]:
    targets = list(rules.labels) if rules.form == "probabilities" else [rules.target_column]
    names = [name if name == rules.id_column else _column(name, rules) for name in header]
    if sorted(names) != sorted([rules.id_column, *targets]):
        raise RefusedError("columns")
    predicted: dict[str, Any] = {}
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        if cells[rules.id_column] in predicted:
            raise RefusedError("duplicate")
        predicted[cells[rules.id_column]] = _prediction([cells[name] for name in targets], rules)
    if set(predicted) != set(ids):
        raise RefusedError("ids")
    return [predicted[name] for name in ids]


def _column(name: str, rules: Rules) -> str:
    """The name a column goes by: where labels are numbers, a column of probabilities may write its number otherwise."""
    if rules.form != "probabilities" or name in rules.labels:
        return name
    return next((label for label in rules.labels if _same_label(name, label, rules)), name)


def _prediction(cells: list[str], rules: Rules) -> Any:
    if rules.form == "probabilities":
        row = tuple(_number(cell) for cell in cells)
        if min(row) < 0 or max(row) > 1 or abs(sum(row) - 1) > rules.probability_tolerance:
            raise RefusedError("probabilities")
        return row
    readers: dict[str, Callable[[str, Rules], Any]] = {
        "labels": _label,
        "values": lambda text, _: _number(text),
        "rankings": _ranking,
        "masks": _mask,
    }
    return readers[rules.form](cells[0], rules)


def _label(text: str, rules: Rules) -> int:
    if text in rules.labels:
        return rules.labels.index(text)
    for code, label in enumerate(rules.labels):
        if _same_label(text, label, rules):
            return code
    raise RefusedError("label")


def _same_label(text: str, label: str, rules: Rules) -> bool:
    if rules.label_matching != "number" or not _NUMBER.fullmatch(text) or not _NUMBER.fullmatch(label):
        return False
    return float(text) == float(label) and abs(float(label)) != float("inf")


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or abs(float(text)) == float("inf"):
        raise RefusedError("number")
    return float(text)


def _ranking(text: str, rules: Rules) -> str:
    names = text.split()
    if not names or len(set(names)) != len(names) or any(rules.labels and name not in rules.labels for name in names):
        raise RefusedError("ranking")
    return text


def _mask(text: str, rules: Rules) -> str:
    numbers = text.split()
    if len(numbers) % 2 or not all(re.fullmatch("[0-9]{1,18}", number) for number in numbers):
        raise RefusedError("mask")
    pixels: list[tuple[int, int]] = []
    for start, length in zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=True):
        if start < 1 or length < 1 or (pixels and start <= pixels[-1][1]):
            raise RefusedError("runs")
        pixels.append((start, start + length - 1))
    return text
