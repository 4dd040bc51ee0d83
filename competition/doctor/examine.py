"""The examination: every check in turn, its findings, and the lists and pictures that belong to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from competition.doctor import balance, integrity, leaks, metadata, order
from competition.doctor.appearance import Appearance, appearance
from competition.doctor.case import Case, open_case
from competition.doctor.finding import Finding
from competition.doctor.label_noise import find_doubtful, label_noise
from competition.doctor.lists import doctor_folder, emptied, write_listing
from competition.doctor.near_repeats import near_repeats
from competition.doctor.repeats import repeats
from competition.doctor.sheets import draw_sheets
from competition.doctor.shift import shift
from competition.errors import BadInputError, UserError
from competition.progress import Progress, silent

if TYPE_CHECKING:
    from competition.catalog import Competition

Check = Callable[[], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and the folder of lists and pictures."""

    findings: tuple[Finding, ...]
    folder: Path


def examine(
    competition: "Competition",
    home: Path,
    data: Path,
    places: Mapping[str, Sequence[Path]],
    progress: Progress = silent,
) -> Examination:
    """Examine a prepared competition.

    Args:
        competition: from `catalog.find`.
        home: the state folder (`GRADER_HOME`).
        data: the folder of bundles (`GRADER_DATA`).
        places: files by the name of the place they lie in, such as `site`, that must not tell a label.
        progress: is told how far the work is.

    Raises:
        UserError: there is no vault, or it is sealed and cannot be opened.
        BadInputError: there is no bundle.
    """
    findings = [*integrity.permissions(home, competition.name), *integrity.checksums(data, competition.name)]
    folder = emptied(doctor_folder(home, competition.name))
    if all(finding.code != "permissions" or finding.level == "ok" for finding in findings):
        findings += _examine_items(competition, home, data, places, folder, progress)
    for finding in findings:
        if finding.listing is not None:
            write_listing(folder, finding.listing)
    return Examination(tuple(findings), folder)


def _examine_items(
    competition: "Competition",
    home: Path,
    data: Path,
    places: Mapping[str, Sequence[Path]],
    folder: Path,
    progress: Progress,
) -> list[Finding]:
    """Everything that needs both bundle and solution."""
    try:
        case = open_case(competition, home, data)
        looks = appearance(case, progress)
        return [finding for check in _checks(case, looks, places, folder, progress) for finding in _judged(check)]
    except BadInputError as error:
        return [Finding("fault", "unreadable", str(error), "the other checks could not be made")]


def _checks(
    case: Case, looks: Appearance, places: Mapping[str, Sequence[Path]], folder: Path, progress: Progress
) -> Iterator[Check]:
    yield lambda: integrity.tie(case)
    yield lambda: integrity.rules(case)
    yield lambda: balance.balance(case)
    yield lambda: repeats(case)
    yield lambda: near_repeats(case, looks, progress)
    doubtful = find_doubtful(case, looks, progress)
    yield lambda: label_noise(case, doubtful)
    yield lambda: shift(case, looks, progress)
    yield lambda: order.identifiers(case)
    yield lambda: order.row_order(case)
    yield lambda: metadata.metadata(case)
    yield lambda: leaks.leaks(case, places, progress)
    yield lambda: draw_sheets(case, doubtful, folder, progress)


def _judged(check: Check) -> Sequence[Finding]:
    """A check that cannot read what it needs has found a fault."""
    try:
        return check()
    except UserError as error:
        return [Finding("fault", "unreadable", str(error))]
