"""Does a solution value lie where participants look? A scan of every file for test ids beside their labels."""

import math
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from competition.doctor.case import Case
from competition.doctor.finding import Finding, some
from competition.layout import SAMPLE_SUBMISSION, TEST_TABLE
from competition.progress import Progress

NEAR = 64  # bytes on either side of an id that count as beside it
UNLIKELY = 1e-6  # the chance, for labels dealt out anew, of as many ids beside their own label
HANDED_IN = "submission.csv"  # what a run hands in is a guess, however good


@dataclass(frozen=True, slots=True)
class Sighting:
    """How many ids of a file stand beside labels, beside their own, and beside their own by chance."""

    beside_labels: int
    beside_own: int
    expected: float
    variance: float

    @property
    def is_leak(self) -> bool:
        """Whether a file tells labels: each id it has beside a label is beside its own, or far more than by chance."""
        if not self.beside_own:
            return False
        # Beside every label an id is beside its own too, and that tells nothing.
        all_right = self.beside_own == self.beside_labels and self.expected < 0.99 * self.beside_labels
        return all_right or _upper_tail(self) < UNLIKELY


def leaks(case: Case, places: Mapping[str, Sequence[Path]], progress: Progress) -> list[Finding]:
    """A finding a place: the bundle and whatever else the caller names, such as the repository, logs and the site."""
    secret = case.vault.read_secret().hex().encode()
    reader = _Reader(case)
    everywhere = {"bundle": sorted(case.bundle.folder.rglob("*")), **places}
    return [
        *_sample(case),
        *_test_table(case),
        *(_place(name, files, reader, secret, case, progress) for name, files in everywhere.items()),
    ]


def repository_files(folder: Path) -> list[Path]:
    """The files of the git repository around `folder` that are tracked or could be; none outside of one."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--full-name"]
    top = ["git", "-C", str(folder), "rev-parse", "--show-toplevel"]
    try:
        root = Path(subprocess.run(top, capture_output=True, check=True, text=True).stdout.strip())
        listed = subprocess.run([*command, "--", str(root)], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [root / name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]


def _place(
    name: str, files: Iterable[Path], reader: "_Reader", secret: bytes, case: Case, progress: Progress
) -> Finding:
    plain = [path for path in files if path.is_file() and not path.is_symlink() and not _is_expected(path, name)]
    told: list[str] = []
    for step, path in enumerate(plain):
        progress(f"scanning {name}", step, len(plain))
        content = path.read_bytes()
        seen = reader.sighting(content)
        if seen.is_leak:
            told.append(f"{path} ({seen.beside_own:,} of {seen.beside_labels:,} ids stand beside their own label)")
        elif case.solution in content:
            told.append(f"{path} (holds the solution itself)")
        elif secret in content:
            told.append(f"{path} (holds the secret of the vault)")
    progress(f"scanning {name}", len(plain), len(plain))
    if told:
        found = f"{name}: {len(told)} of {len(plain):,} files tell hidden labels: {some(told)}"
        return Finding("fault", "leak", found, "remove them; if participants saw them, split anew with a new vault")
    if not plain:
        return Finding("note", "leak", f"{name}: there is no file to scan")
    return Finding("ok", "leak", f"{name}: no solution value in {len(plain):,} files")


def _is_expected(path: Path, place: str) -> bool:
    """Files that are judged column by column, pictures and arrays without text, and what runs hand in."""
    if place == "bundle":
        return path.name in (TEST_TABLE, SAMPLE_SUBMISSION) or path.suffix in (".npy", ".png")
    return path.name == HANDED_IN and place == "runs"


def _sample(case: Case) -> list[Finding]:
    """The sample submission says the same of every id."""
    lines = (case.bundle.folder / SAMPLE_SUBMISSION).read_text(encoding="utf-8").splitlines()[1:]
    if len({line.partition(",")[2] for line in lines}) > 1:
        return [
            Finding("fault", "leak", f"{SAMPLE_SUBMISSION}: is not the same for every id", "prepare again with --force")
        ]
    return [Finding("ok", "leak", f"{SAMPLE_SUBMISSION}: says the same of all {len(lines):,} ids")]


def _test_table(case: Case) -> list[Finding]:
    """No column of `test.csv` is the target, by name or by content."""
    rules, table = case.bundle.rules, case.bundle.test_table[case.scored]
    texts = {name: [str(value) for value in table[name].to_list()] for name in table.columns}
    same = [name for name, column in texts.items() if name == rules.target_column or column == case.test_labels]
    if same:
        return [Finding("fault", "leak", f"{TEST_TABLE}: the column {same[0]!r} is the solution", "prepare again")]
    return [Finding("ok", "leak", f"{TEST_TABLE}: none of its {len(texts)} columns is the solution")]


class _Reader:
    """Finds test ids in bytes and reads which labels stand beside them."""

    def __init__(self, case: Case) -> None:
        self.label_of = {
            item.encode(): label.encode() for item, label in zip(case.test_ids, case.test_labels, strict=True)
        }
        labels = sorted({label for label in self.label_of.values() if label}, key=len, reverse=True)
        self.share = dict.fromkeys(labels, 0.0)
        for label in self.label_of.values():
            self.share[label] += 1 / len(self.label_of)
        # A dot beside a digit makes another number of it: 0.5 is no label 0.
        self.labels = re.compile(rb"(?<!\w)(?<!\d\.)(?:" + b"|".join(map(re.escape, labels)) + rb")(?!\w|\.\d)")
        sizes = {len(item) for item in self.label_of}
        form = rb"[0-9a-f]" if all(re.fullmatch(rb"[0-9a-f]+", item) for item in self.label_of) else rb"[^\s,;\"']"
        self.ids = re.compile(rb"(?<!%b)%b{%d,%d}(?!%b)" % (form, form, min(sizes), max(sizes), form))

    def sighting(self, content: bytes) -> Sighting:
        """What stands beside the test ids in a file."""
        beside = own = 0
        expected = variance = 0.0
        for label, near in self._neighbourhoods(content):
            found = set(self.labels.findall(near))
            if found:
                share = sum(self.share[one] for one in found)
                beside += 1
                own += label in found
                expected += share
                variance += share * (1 - share)
        return Sighting(beside, own, expected, variance)

    def _neighbourhoods(self, content: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Each test id's own label, and the text beside the id: on its line, up to the next id on either side."""
        places = [match.span() for match in self.ids.finditer(content) if match.group() in self.label_of]
        for index, (start, end) in enumerate(places):
            before = max(start - NEAR, places[index - 1][1] if index else 0, content.rfind(b"\n", 0, start) + 1)
            line_end = content.find(b"\n", end)
            after = min(end + NEAR, line_end if line_end >= 0 else len(content))
            if index + 1 < len(places):
                after = min(after, places[index + 1][0])
            yield self.label_of[content[start:end]], content[before:start] + b" " + content[end:after]


def _upper_tail(seen: Sighting) -> float:
    """The chance of at least so many ids beside their own label, by Bernstein's inequality."""
    excess = seen.beside_own - seen.expected
    if excess <= 0:
        return 1.0
    return math.exp(-excess * excess / 2 / (seen.variance + excess / 3))
