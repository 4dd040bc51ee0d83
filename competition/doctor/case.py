"""The competition under examination: spec, bundle and solution side by side, item by item."""

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from competition import splits
from competition.bundle import VALIDATION_FOLD, Bundle, read_manifest
from competition.errors import BadInputError
from competition.layout import SOLUTION, TRAIN_IMAGES, bundle_folder
from competition.rules import RULES_FILE, load_rules
from competition.vault import Vault, open_vault

if TYPE_CHECKING:
    import polars as pl

    from competition.catalog import Competition

TRAIN, VALIDATION, TEST = range(3)
PART_NAMES = ("train", "validation", "test")

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Case:
    """Everything known of a prepared competition. Item i of N: first the training items, then the scored test items.

    Attributes:
        competition: its name, folder and spec.
        bundle: opened without comparing sizes, so that a damaged bundle can be examined too.
        vault: where its solution lies.
        solution: the bytes of `solution.csv`.
        scored: the rows of `test.csv` that are scored, all but those whose Usage is Ignored.
        test_labels: the hidden label of each scored test item.
        public: whether a scored test item counts for the Public score.
    """

    competition: "Competition"
    bundle: Bundle
    vault: Vault
    solution: bytes
    scored: Ints
    test_labels: list[str]
    public: NDArray[np.bool_]

    @cached_property
    def test_ids(self) -> list[str]:
        """The ids of the scored test items."""
        return [self.bundle.test_ids[row] for row in self.scored]

    @cached_property
    def ids(self) -> list[str]:
        """The ids of all items."""
        return self.bundle.train_ids + self.test_ids

    @cached_property
    def labels(self) -> list[str]:
        """The labels of all items as text."""
        rules = self.bundle.rules
        if self.has_classes:
            return [rules.labels[index] for index in self.bundle.train_labels.tolist()] + self.test_labels
        texts = self.bundle.target_texts + self.test_labels
        # 1 and 1.0 are one value
        return [repr(float(text)) for text in texts] if rules.task == "regression" else texts

    @property
    def has_classes(self) -> bool:
        """Whether the target is one of a set of classes."""
        return self.bundle.rules.task == "classification"

    @property
    def has_images(self) -> bool:
        """Whether the items are images and not rows of a table."""
        return TRAIN_IMAGES in self.bundle.manifest["files"]

    @cached_property
    def parts(self) -> Ints:
        """`TRAIN`, `VALIDATION` or `TEST` of each item; k folds are all training."""
        folds = self.bundle.train_folds
        parts = np.full(len(self.ids), TRAIN, dtype=np.int64)
        if folds is not None and self.competition.spec.folds is None:
            parts[: len(folds)][folds == VALIDATION_FOLD] = VALIDATION
        parts[len(self.bundle.train_ids) :] = TEST
        return parts

    @cached_property
    def targets(self) -> Ints:
        """The class of each item; in a regression the tenth of all values that its value lies in."""
        if self.has_classes:
            position = {label: index for index, label in enumerate(self.bundle.rules.labels)}
            return np.array([position[label] for label in self.labels], dtype=np.int64)
        if self.bundle.rules.task == "regression":
            values = np.array([float(label) for label in self.labels])
            return splits.value_strata(values, np.arange(len(values), dtype=np.uint64))
        return np.unique(np.array(self.labels), return_inverse=True)[1].astype(np.int64)

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """All images, uint8, N x height x width or N x height x width x 3."""
        return np.concatenate([self.bundle.train_images, self.bundle.test_images[self.scored]])

    @cached_property
    def features(self) -> "pl.DataFrame":
        """The feature columns of a table competition, N rows."""
        import polars as pl

        test = self.bundle.test_table[self.scored].drop(self.bundle.rules.id_column)
        return pl.concat([self.bundle.train_table.select(test.columns), test], how="vertical_relaxed")


def open_case(competition: "Competition", home: Path, data: Path) -> Case:
    """Bring together what `grader prepare` wrote.

    Raises:
        UserError: the competition is not prepared, its vault is open to others or sealed.
        BadInputError: the bundle or the solution is damaged, or they hold different ids.
    """
    folder = bundle_folder(data, competition.name)
    bundle = Bundle(folder, load_rules(folder / RULES_FILE), read_manifest(folder))
    vault = open_vault(home, competition.name)
    solution = vault.read_solution()
    hidden = _read_solution(solution, bundle)
    if missing := set(hidden).symmetric_difference(bundle.test_ids):
        raise BadInputError(
            f"solution and test.csv differ in {len(missing):,} ids; run `grader prepare {competition.name} --force`"
        )
    usage = np.array([hidden[item][1] for item in bundle.test_ids])
    scored = np.flatnonzero(usage != "Ignored")
    labels = [hidden[bundle.test_ids[row]][0] for row in scored]
    if bundle.rules.labels and (unknown := set(labels) - set(bundle.rules.labels)):
        raise BadInputError(f"{SOLUTION}: {len(unknown)} labels are not in the label set; prepare again")
    return Case(competition, bundle, vault, solution, scored, labels, usage[scored] == "Public")


def _read_solution(solution: bytes, bundle: Bundle) -> dict[str, tuple[str, str]]:
    """Label and Usage of each id."""
    rules = bundle.rules
    wanted = {rules.id_column, rules.target_column, "Usage"}
    rows = csv.DictReader(io.StringIO(solution.decode(), newline=""))
    if not wanted <= set(rows.fieldnames or ()):
        raise BadInputError(f"{SOLUTION}: lacks one of the columns {', '.join(sorted(wanted))}; prepare again")
    return {row[rules.id_column]: (row[rules.target_column], row["Usage"]) for row in rows}
