"""The first line of a submission: which column is which, and what is wrong with their names."""

from collections import Counter
from collections.abc import Sequence

from competition.rules import Rules
from grader.submission.columns import TextColumn
from grader.submission.index import TextIndex
from grader.submission.labels import LabelSet
from grader.submission.problems import FIRST, Problem, UnreadableError, counted, listed, nearest, shown

_OTHER_DELIMITERS = {";": "';'", "\t": "tabs", "|": "'|'"}
_COMPARED = 1000  # columns too many, among which a missing one is looked for
_INDEX_COLUMNS = ("", "Unnamed: 0", "index")


def target_columns(rules: Rules) -> tuple[str, ...]:
    """The columns beside the id that a submission must have."""
    return rules.labels if rules.form == "probabilities" else (rules.target_column,)


def refuse_other_delimiter(data: bytearray, rules: Rules) -> None:
    """Name the delimiter of a text whose first line is a header with another one than a comma.

    Raises:
        UnreadableError: it has another one.
    """
    lines = bytes(data[: 1 << 16]).lstrip().splitlines()
    first = lines[0].decode(errors="replace")
    expected = {rules.id_column, *target_columns(rules)}
    if expected <= _names(first, ","):
        return
    for delimiter, told in _OTHER_DELIMITERS.items():
        if delimiter in first and expected & _names(first, delimiter):
            raise UnreadableError("delimiter", f"the cells are separated by {told}; separate them by commas", 1)


def _names(line: str, delimiter: str) -> set[str]:
    return {name.strip(' "') for name in line.split(delimiter)}


def locate_columns(header: Sequence[str], rules: Rules) -> dict[str, int]:
    """Which expected column stands where in the header; those that are missing are left out."""
    places: dict[str, int] = {}
    expected = {rules.id_column, *target_columns(rules)}
    codes = LabelSet(rules).find(TextColumn.from_texts(header)) if rules.form == "probabilities" else None
    for place, name in enumerate(header):
        if codes is not None and name != rules.id_column and codes[place] >= 0:
            name = rules.labels[codes[place]]
        if name in expected:
            places.setdefault(name, place)
    return places


def check_header(header: Sequence[str], places: dict[str, int], rules: Rules, ids: TextIndex) -> list[Problem]:
    """What is wrong with the names of the columns.

    Raises:
        UnreadableError: the first line is no header but a row.
    """
    expected = (rules.id_column, *target_columns(rules))
    missing = [name for name in expected if name not in places]
    if len(missing) == len(expected) and ids.find(TextColumn.from_texts(header)).max() >= 0:
        wanted = ",".join(expected[:3]) + (",…" if len(expected) > 3 else "")
        raise UnreadableError("no_header", f"the first line must name the columns ({wanted}), but is a row already", 1)
    times = Counter(header)
    repeated = [name for name in times if times[name] > 1]
    used = set(places.values())
    extra = [name for place, name in enumerate(header) if place not in used and times[name] == 1]
    meant = {name: other for name in missing[:FIRST] if (other := nearest(name, extra[:_COMPARED])) is not None}
    problems = []
    if missing:
        problems.append(_missing(missing, meant, extra, rules))
    if unasked := [name for name in extra if name not in meant.values()]:
        problems.append(_extra(unasked))
    if repeated:
        told = listed([shown(name) for name in repeated[:FIRST]], len(repeated))
        names = counted(len(repeated), "column name stands", "column names stand")
        problems.append(Problem("duplicate_column", f"{names} more than once in the header: {told}", 1))
    return problems


def _missing(missing: list[str], meant: dict[str, str], extra: list[str], rules: Rules) -> Problem:
    told = [
        shown(name) + (f" (is it {shown(meant[name])}? rename that)" if name in meant else "")
        for name in missing[:FIRST]
    ]
    message = f"{counted(len(missing), 'column is', 'columns are')} missing: {listed(told, len(missing))}"
    if rules.form == "probabilities" and rules.target_column in extra:
        message += "; this competition asks for the probability of each label, not for a label"
    return Problem("missing_column", message, 1)


def _extra(extra: list[str]) -> Problem:
    told = listed([shown(name) for name in extra[:FIRST]], len(extra))
    message = f"{counted(len(extra), 'column is', 'columns are')} too many: {told}"
    if any(name in _INDEX_COLUMNS for name in extra):
        message += "; write the file without its index (pandas: to_csv(…, index=False))"
    return Problem("extra_column", message, 1)
