"""A new competition from data alone: spec, descriptions and label set in one folder, to be read and corrected."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from competition.catalog import check_name
from competition.draft import Draft, draft_from
from competition.durable import folder_aside, put_folder, told_in_one_line
from competition.errors import UserError
from competition.layout import SPEC_FILE
from competition.spec import load_spec

TEMPLATES = Path(__file__).with_name("templates")

# How each metric that a draft may choose is explained to participants.
EVALUATION = {
    "accuracy": {
        "en": "Submissions are ranked by **accuracy**: correct labels divided by all test items. Higher is better.",
        "ko": "**정확도**로 순위를 정합니다. 맞힌 개수를 시험 자료의 수로 나눈 값이며, 높을수록 좋습니다.",
    },
    "log_loss": {
        "en": (
            "Submissions are ranked by **log loss**: the mean of minus the logarithm of the probability given to the "
            "true class. Lower is better. Give one probability a class; each row adds up to 1."
        ),
        "ko": (
            "**로그 손실**로 순위를 정합니다. 정답 클래스에 준 확률의 로그에 음수를 붙여 평균한 값이며, "
            "낮을수록 좋습니다. 클래스마다 확률 하나를 내고, 한 줄의 합은 1이어야 합니다."
        ),
    },
    "rmse": {
        "en": (
            "Submissions are ranked by **root mean squared error**: the square root of the mean squared difference "
            "between the value given and the true one. Lower is better."
        ),
        "ko": (
            "**평균 제곱근 오차(RMSE)**로 순위를 정합니다. 예측과 정답의 차이를 제곱해 평균한 뒤 "
            "제곱근을 취한 값이며, 낮을수록 좋습니다."
        ),
    },
}

RANDOM_SPLIT = """\
split: random          # group: what belongs together (a writer, a patient) is never in two parts
parts: 60:20:20        # train:validation:test; also 80:20, or counts a class such as {train: 100, test: 20}
public_share: 0.5      # of the test part; the rest is Private
repeats: keep          # drop or together: what happens to exact repeats (`grader doctor` finds them)
seed: 42
"""
GIVEN_SPLIT = "split: given           # the source's own ids, test part and Usage\n"

# What a description says where the parts are drawn, and where the source's own are kept.
BY_SPLIT = {
    "en": {
        "random": {
            "board": (
                "Half of the test items count for the Public board, which is shown at once; the other half for the "
                "Private board, which\ndecides when the competition closes."
            ),
            "seed": "The split uses seed 42; report the seed of your best run.",
            "ids": "Ids are random and say nothing about an item.",
        },
        "given": {
            "board": (
                "Some of the test items count for the Public board, which is shown at once; the others for the "
                "Private board, which\ndecides when the competition closes."
            ),
            "seed": "Report the seed of your best run.",
            "ids": "Ids and test part are the source's own.",
        },
    },
    "ko": {
        "random": {
            "board": (
                "시험 자료의 절반은 바로 보이는 Public 점수판에, 나머지 절반은 대회가 끝날 때 순위를 정하는 Private "
                "점수판에 쓰입니다."
            ),
            "seed": "분할의 시드는 42입니다. 가장 좋은 실행의 시드를 함께 적어 주세요.",
            "ids": "id는 무작위이며 자료에 대해 아무것도 알려 주지 않습니다.",
        },
        "given": {
            "board": (
                "시험 자료의 일부는 바로 보이는 Public 점수판에, 나머지는 대회가 끝날 때 순위를 정하는 Private "
                "점수판에 쓰입니다."
            ),
            "seed": "가장 좋은 실행의 시드를 함께 적어 주세요.",
            "ids": "id와 시험 자료는 원래 자료의 것을 그대로 씁니다.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class NewCompetition:
    """What `init_competition` wrote, and one line a guess with its reason."""

    folder: Path
    choices: tuple[str, ...]


def init_competition(folder: Path, data: Path, target: str | None = None, title: str | None = None) -> NewCompetition:
    """Write a competition about `data` into the new folder `folder`, whose name is the competition's name.

    Args:
        folder: where it goes, for example `competition/my-comp`; must not be there yet.
        data: one folder of images a class, in a folder or an archive, or a CSV or parquet table.
        target: the column of the table to predict; by default told from its name.
        title: of the competition; by default made of its name.

    Raises:
        UserError: the name is not allowed, the folder is there already, or nothing can be made of the data.
        BadInputError: the data are damaged.
    """
    check_new(folder)
    if not data.exists():
        raise UserError(f"{data}: no such file or folder")
    draft = draft_from(data, target)
    put_competition(folder, drafted_files(draft, title or title_from(folder.name), path_from(folder, data)))
    return NewCompetition(folder, draft.choices)


def check_new(folder: Path) -> None:
    """Refuse to make a competition under a bad name or over another one.

    Raises:
        UserError: the name is not allowed, or the folder is there already.
    """
    check_name(folder.name)
    if folder.exists():
        raise UserError(f"{folder}: is there already; choose another name")


def put_competition(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a new competition in one step, if its spec is valid.

    Raises:
        UserError: the spec among the files is not valid, or the disk refuses.
    """
    with told_in_one_line(folder), folder_aside(folder) as aside:
        for name, content in files.items():
            (aside / name).write_bytes(content)
        load_spec(aside)
        put_folder(aside, folder)


def drafted_files(draft: Draft, title: str, path: str | None) -> dict[str, bytes]:
    """Spec and descriptions of a draft; `path` is where the data lie, None where the source says so itself."""
    files = {SPEC_FILE: _spec_text(draft, title, path)}
    files |= {f"description.{language}.md": _description(draft, title, language) for language in ("en", "ko")}
    return {name: text.encode() for name, text in files.items()}


def title_from(name: str) -> str:
    """A title made of a competition's name."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def _spec_text(draft: Draft, title: str, path: str | None) -> str:
    image = draft.image and dict(zip(("height", "width", "channels"), draft.image, strict=True))
    numbers = all(label.isascii() and label.isdigit() and str(int(label)) == label for label in draft.labels)
    columns = "" if draft.id_column == "id" else f"id_column: {_yaml(draft.id_column)}\n"
    columns += "" if draft.target_column == "label" else f"target_column: {_yaml(draft.target_column)}\n"
    if draft.labels and numbers:
        columns += "label_matching: number  # 3 and 3.0 are one label\n"
    place = {} if path is None else {"path": path}
    source = {"kind": draft.source["kind"], **place, **draft.source}
    return _filled(
        "spec.yaml",
        {
            "title": _yaml(title),
            "task": draft.task,
            "metric": draft.metric,
            "labels": f"labels: {_yaml(draft.labels)}\n" if draft.labels else "",
            "columns": columns,
            "image": f"image: {_yaml(image)}\n" if image else "",
            "split": GIVEN_SPLIT if draft.given_test else RANDOM_SPLIT,
            "source": "\n".join(f"  {key}: {_yaml(value)}" for key, value in source.items()),
        },
    )


def _description(draft: Draft, title: str, language: str) -> str:
    classes = ", ".join(f"`{label}`" for label in draft.labels[:20]) + (", …" if len(draft.labels) > 20 else "")
    count, items, target = len(draft.labels), f"{draft.items:,}", draft.target_column
    if language == "en":
        given = "image" if draft.image else "other columns"
        about = (
            f"Tell {count} classes apart: {classes}." if count else f"Predict the number `{target}` from the {given}."
        )
        data = f"{items} items, split 60:20:20 into training, validation (fold 0) and test."
        if draft.given_test:
            data = (
                f"{items} items: {draft.items - draft.given_test:,} to train on, {draft.given_test:,} in the test part."
            )
    else:
        given = "그림" if draft.image else "다른 열"
        about = (
            f"{count}개 클래스를 구별합니다: {classes}." if count else f"{given}에서 수 `{target}`의 값을 예측합니다."
        )
        data = f"자료 {items}개를 학습, 검증(fold 0), 시험에 60:20:20으로 나누었습니다."
        if draft.given_test:
            trained = f"{draft.items - draft.given_test:,}"
            data = f"자료 {items}개 가운데 {trained}개는 학습, {draft.given_test:,}개는 시험에 씁니다."
    words = {"title": title, "about": about, "data": data, "sample": _sample(draft)}
    words |= BY_SPLIT[language]["given" if draft.given_test else "random"]
    return _filled(f"description.{language}.md", words | {"evaluation": EVALUATION[draft.metric][language]})


def _sample(draft: Draft) -> str:
    """The first lines of a submission."""
    if draft.metric == "log_loss":
        shown, more = draft.labels[:4], ",…" if len(draft.labels) > 4 else ""
        share = f"{1 / len(draft.labels):.3g}"
        return f"{draft.id_column},{','.join(shown)}{more}\na07d22e4c9f1,{','.join([share] * len(shown))}{more}"
    return f"{draft.id_column},{draft.target_column}\na07d22e4c9f1,{draft.labels[0] if draft.labels else 1.5}"


def path_from(folder: Path, data: Path) -> str:
    """The data's path as the spec keeps it: relative where both lie in one project, so that the project can move."""
    project = folder.resolve().parent.parent
    if data.resolve().is_relative_to(project):
        return os.path.relpath(data.resolve(), folder.resolve())
    return str(data.resolve())


def _filled(template: str, words: Mapping[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)


def _yaml(value: Any) -> str:
    """A value as YAML on one line: JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)
