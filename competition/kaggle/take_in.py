"""A competition of ours from Kaggle's files: what participants download, or what a host has.

Kaggle's test labels are hidden from participants, so the labelled part is split again, under a secret of our own. A
host's own files (`solution.csv` with Usage among them) keep their ids, their labels and their Usage.
"""

import csv
import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from competition.draft import Draft, draft_table
from competition.errors import BadInputError, UserError
from competition.init import NewCompetition, check_new, drafted_files, path_from, put_competition, title_from
from competition.kaggle.rules_spec import rules_from, spec_text
from competition.layout import LABELS_TABLE, SOLUTION, SPEC_FILE, TEST_TABLE, TRAIN_IMAGES, TRAIN_TABLE
from competition.progress import Progress, silent
from competition.rules import RULES_FILE, Rules
from competition.sources.container import is_archive, open_container
from competition.sources.host import (
    FOLD_COLUMN,
    HostSolution,
    has_solution,
    image_shape,
    only_member,
    open_data,
    read_host_solution,
    read_text_table,
)
from competition.sources.kaggle import kaggle_source
from competition.sources.named_images import NamedImages

if TYPE_CHECKING:
    from competition.sources.members import Container

DESCRIPTIONS = ("description.en.md", "description.ko.md")


def import_competition(
    folder: Path, slug: str, path: Path | None = None, target: str | None = None, progress: Progress = silent
) -> NewCompetition:
    """Write a competition about Kaggle's files into the new folder `folder`, whose name is the competition's name.

    Args:
        folder: where it goes, for example `competition/my-comp`; must not be there yet.
        slug: the last part of the competition's address at Kaggle.
        path: the files where they are there already: a folder or an archive; None downloads them.
        target: the column to predict, where it cannot be told.
        progress: told how far the work is.

    Raises:
        UserError: no such files or competition, no connection, no credentials, a name that is taken.
        BadInputError: the files are damaged, hostile or of an unknown form.
    """
    check_new(folder)
    place = kaggle_source(slug, progress) if path is None else _only_archive(path)
    with tempfile.TemporaryDirectory() as scratch, open_container(place, Path(scratch)) as container:
        if not has_solution(container):
            source = {"kind": "kaggle", "competition": slug} if path is None else {"kind": "table"}
            draft = _participants_draft(container, source, target)
            files = drafted_files(draft, title_from(folder.name), None if path is None else path_from(folder, place))
            put_competition(folder, files)
            return NewCompetition(folder, draft.choices)
        files, choices = _host_files(container, folder)
    put_competition(folder, files)
    return NewCompetition(folder, choices)


def _only_archive(path: Path) -> Path:
    """The one archive of a folder that holds nothing else, as `kaggle competitions download` leaves it."""
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; without --path the files are downloaded")
    inside = [below for below in path.iterdir() if not below.name.startswith(".")] if path.is_dir() else []
    return inside[0] if len(inside) == 1 and inside[0].is_file() and is_archive(inside[0]) else path


def _participants_draft(container: "Container", source: dict[str, Any], target: str | None) -> Draft:
    """A draft about the labelled part of what participants download."""
    member = only_member(container, TRAIN_TABLE)
    train = read_text_table(container, member)
    header = _header(container, TEST_TABLE)
    sample = _sample(container)
    chosen = target or _target(train, header, sample)
    known = {*(header or train.columns), chosen}
    ids = [name for name in sample[:1] if name != chosen]
    kept = train.select([name for name in train.columns if name in known])
    draft = draft_table(kept, chosen, NamedImages(container, member))
    dropped = [name for name in train.columns if name not in known or name in ids]
    dropped += [name for name in draft.source.get("drop_columns", ()) if name not in dropped]
    source = source | {"table": member.name, **draft.source, "drop_columns": dropped, "kind": source["kind"]}
    metric = "log_loss" if len(sample) > 2 and set(sample[1:]) == set(draft.labels) else draft.metric
    choices = list(draft.choices)
    if metric != draft.metric:
        choices.append("metric: log_loss, since the sample submission has a column a class")
    choices.append("split: the labelled part anew, since Kaggle keeps the labels of its test part")
    id_column = ids[0] if ids else draft.id_column
    return replace(draft, metric=metric, source=source, id_column=id_column, choices=tuple(choices))


def _target(train: pl.DataFrame, test: list[str], sample: list[str]) -> str | None:
    """The column that the sample submission asks for, or the only one that the test part lacks."""
    asked = [name for name in sample[1:] if name in train.columns]
    hidden = [name for name in train.columns if name not in test and name not in sample[:1]] if test else []
    found = asked or hidden
    if len(found) > 1:
        raise UserError(f"{TRAIN_TABLE} has several targets ({', '.join(found[:20])}); choose one with --target")
    return found[0] if found else None


def _sample(container: "Container") -> list[str]:
    """The columns of the sample submission; empty where there is none."""
    names = [name for name in container.members if "submission" in name.rpartition("/")[2].lower()]
    names = [name for name in names if name.lower().endswith(".csv")]
    return _header(container, min(names, key=len).rpartition("/")[2]) if names else []


def _header(container: "Container", base_name: str) -> list[str]:
    """The columns of a table; empty where there is no such table."""
    found = [member for name, member in container.members.items() if name.rpartition("/")[2] == base_name]
    if not found:
        return []
    first = container.read(min(found, key=lambda member: member.name.count("/"))).partition(b"\n")[0]
    try:
        return next(csv.reader([first.decode("utf-8-sig").rstrip("\r")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise BadInputError(f"{container.path}: {base_name} is no CSV in UTF-8") from None


def _host_files(container: "Container", folder: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Spec, descriptions and metric of a host's competition."""
    with open_data(container) as data:
        solution = read_host_solution(container, _header(data, TEST_TABLE))
        path = path_from(folder, container.path)
        kept = f"split: given, {len(solution.hidden):,} test items with their ids, labels and Usage"
        if RULES_FILE in data.members:
            rules = rules_from(data.read(data.members[RULES_FILE]), data.path)
            files, choices = _files_of_rules(data, rules, path)
            return files, (*choices, kept)
        draft = _host_draft(data, solution)
        return drafted_files(draft, title_from(folder.name), path), (*draft.choices, kept)


def _files_of_rules(data: "Container", rules: Rules, path: str) -> tuple[dict[str, bytes], list[str]]:
    """The files of a competition that `grader kaggle export` wrote."""
    names = _label_names(data)
    shape = image_shape(data, only_member(data, TRAIN_IMAGES)) if TRAIN_IMAGES in data.members else None
    files = {SPEC_FILE: spec_text(rules, shape, names, path).encode()}
    files |= {name: data.read(data.members[name]) for name in DESCRIPTIONS if name in data.members}
    choices = [f"rules: those of {rules.competition}, as exported"]
    for metric in (rules.metric, *rules.extra_metrics):
        if metric.file is not None:
            if metric.file not in data.members:
                raise BadInputError(f"{data.path}: lacks {metric.file!r}, the metric that its rules name")
            files[metric.file] = data.read(data.members[metric.file])
            choices.append(f"metric: {metric.file} came with the files; read it first, for it will run here")
    return files, choices


def _label_names(data: "Container") -> list[str]:
    """The names of the labels, where they have names."""
    if LABELS_TABLE not in data.members:
        return []
    text = data.read(data.members[LABELS_TABLE]).decode("utf-8", "replace")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return [row["name"] for row in rows] if rows and "name" in rows[0] else []


def _host_draft(data: "Container", solution: HostSolution) -> Draft:
    """A draft about a host's files that say nothing of metric and task."""
    member = only_member(data, TRAIN_TABLE)
    train = read_text_table(data, member)
    header = _header(data, TEST_TABLE)
    images = NamedImages(data, member)
    named_by_id = solution.id_column in train.columns and images.has(train[solution.id_column].to_list())
    unknown = {name for name in train.columns if name not in header} | {FOLD_COLUMN}
    unknown |= set() if named_by_id else {solution.id_column}
    target = solution.target_column
    if target not in train.columns:
        raise BadInputError(f"{data.path}: {TRAIN_TABLE} has no column {target!r}, the target of {SOLUTION}")
    kept = train.select([name for name in train.columns if name == target or name not in unknown])
    draft = draft_table(kept, target, images)
    source = {key: value for key, value in draft.source.items() if key != "label_column"} | {"kind": "host"}
    return replace(
        draft,
        source=source,
        items=draft.items + len(solution.hidden),
        id_column=solution.id_column,
        given_test=len(solution.hidden),
    )
