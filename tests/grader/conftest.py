"""A small course: a prepared competition of real pictures, and submissions for it."""

import csv
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from competition.catalog import find
from competition.prepare import prepare
from competition.vault import make_vault
from grader.scoring.judge import Judge, open_judge
from grader.store import Store, open_store
from tests.competition.conftest import SECRET, SPEC, write_pictures

LABELS = ("circle", "cross", "square")


@dataclass(frozen=True)
class Course:
    """The competition `shapes`: 60 pictures of three classes, 12 of them test items, half of those Public."""

    folder: Path
    home: Path
    data: Path

    @property
    def bundle(self) -> Path:
        return self.data / "shapes"

    @property
    def solution(self) -> Path:
        return self.home / "vault" / "shapes" / "solution.csv"

    def judge(self) -> Judge:
        return open_judge(self.home, "shapes")

    def store(self) -> Store:
        return open_store(self.home)

    def truth(self) -> dict[str, tuple[str, str]]:
        """Label and Usage by id, read with nothing but Python's csv module."""
        with self.solution.open(newline="") as file:
            return {row["id"]: (row["label"], row["Usage"]) for row in csv.DictReader(file)}

    def write(self, path: Path, answers: Mapping[str, str]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id,label\n" + "".join(f"{item},{label}\n" for item, label in answers.items()))
        return path

    def perfect(self) -> dict[str, str]:
        return {item: label for item, (label, _) in self.truth().items()}

    def with_wrong(self, count: int, usage: str = "Public") -> dict[str, str]:
        """Answers of which `count` are wrong, all of them in one split."""
        answers = self.perfect()
        chosen = [item for item, (_, where) in self.truth().items() if where == usage][:count]
        assert len(chosen) == count
        for item in chosen:
            answers[item] = LABELS[(LABELS.index(answers[item]) + 1) % len(LABELS)]
        return answers

    def respec(self, **changes: object) -> None:
        """Change the spec and prepare again; the secret, the ids and the solution stay."""
        file = self.folder / "competition.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes, allow_unicode=True))
        prepare(find(f"{self.folder}/"), self.data, self.home)

    def grader(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command as a person does: in a process of its own, in the course's folder."""
        return subprocess.run(
            [Path(sys.executable).with_name("grader"), *map(str, arguments)],
            cwd=self.home.parent,
            env={"PATH": "/usr/bin:/bin", "COLUMNS": "120"},
            capture_output=True,
            text=True,
        )


@pytest.fixture
def course(tmp_path: Path) -> Course:
    folder = tmp_path / "competition" / "shapes"
    write_pictures(folder / "pictures")
    (folder / "competition.yaml").write_text(yaml.safe_dump(SPEC, allow_unicode=True))
    course = Course(folder, tmp_path / ".grader", tmp_path / "data")
    make_vault(course.home, "shapes").store("secret.key", SECRET.hex().encode())  # the same split in every run
    prepare(find(f"{folder}/"), course.data, course.home)
    return course
