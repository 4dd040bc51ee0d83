"""The judge of one competition: its rules and solution, read once, and the scores it gives to submissions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from competition.rules import MetricRule, Rules, load_rules
from competition.vault import open_vault
from grader.metrics import MetricError, compute
from grader.metrics.interval import is_share_of_rows, share_error
from grader.scoring.evidence import gather_evidence
from grader.store.records import Evidence, Score
from grader.submission.check import check_submission
from grader.submission.predictions import Predictions
from grader.submission.problems import Problem
from grader.submission.solution import PRIVATE, PUBLIC, Solution, read_solution

SPLITS = {"Public": PUBLIC, "Private": PRIVATE}

Rows = NDArray[np.float64] | NDArray[np.int32] | list[str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge says of a file: the problems, found without a label, or the scores; never both."""

    problems: tuple[Problem, ...]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Scores submissions of one competition; `evidence` says by what, `vault` holds a custom metric's file."""

    rules: Rules
    solution: Solution
    vault: Path
    evidence: Evidence

    def judge(self, file: Path) -> Judgement:
        """Check a submission, align it with the solution and score it on every split.

        Raises:
            UserError: the file cannot be opened.
            MetricError: the competition's metric cannot score these predictions.
        """
        checked = check_submission(file, self.rules, self.solution.index)
        if checked.predictions is None:
            return Judgement(checked.problems, ())
        return Judgement((), self.score(checked.predictions))

    def score(self, predictions: Predictions) -> tuple[Score, ...]:
        """The scores of aligned predictions: the competition's metric on each split that has rows, and what the
        extra metrics say. An extra metric that is undefined here gives no score.

        Raises:
            MetricError: the competition's own metric cannot score these predictions.
        """
        scores = []
        for split, rule, truth, predicted in self.scored_parts(predictions):
            try:
                scores.append(self._score(split, rule, truth, predicted))
            except MetricError:
                if rule is self.rules.metric:
                    raise
        return tuple(scores)

    def scored_parts(self, predictions: Predictions) -> Iterator[tuple[str, MetricRule, Rows, Rows]]:
        """Every split that has rows with every metric: split, metric, truth and predictions of its rows."""
        predicted = form_of(predictions, self.rules)
        for split, usage in SPLITS.items():
            rows = np.flatnonzero(self.solution.usage == usage)
            if rows.size:
                parts = _chosen(self.solution.truth, rows), _chosen(predicted, rows)
                for rule in (self.rules.metric, *self.rules.extra_metrics):
                    yield split, rule, *parts

    def _score(self, split: str, rule: MetricRule, truth: Rows, predicted: Rows) -> Score:
        if rule.file is None:
            value = compute(rule, truth, predicted, self.rules.labels)
            # The error bar where it costs nothing; the instructor's report resamples the others.
            error = share_error(value, len(truth)) if is_share_of_rows(rule) else None
            return Score(split, rule.label, value, error)
        from grader.metrics.custom import compute_custom

        ids = _chosen(self.solution.index.texts(), np.flatnonzero(self.solution.usage == SPLITS[split]))
        assert isinstance(ids, list)
        return Score(split, rule.label, compute_custom(rule, self.vault, self.rules, ids, truth, predicted))


def open_judge(home: Path, competition: str) -> Judge:
    """The judge of a competition that has been prepared.

    Raises:
        UserError: there is no vault, it is open to others, or it cannot be unlocked.
        BadInputError: the solution or the rules are damaged.
    """
    vault = open_vault(home, competition)
    rules = load_rules(vault.rules_path)
    solution = bytearray(vault.read_solution())
    evidence = gather_evidence(rules, solution, vault.rules_path)
    return Judge(rules, read_solution(solution, rules), vault.folder, evidence)


def form_of(predictions: Predictions, rules: Rules) -> Rows:
    """The predictions in the form that submissions of this competition hold."""
    rows: Rows | None = getattr(predictions, rules.form)
    assert rows is not None
    return rows


def _chosen(values: Rows, rows: NDArray[np.intp]) -> Rows:
    return [values[row] for row in rows.tolist()] if isinstance(values, list) else values[rows]
