"""Does the judge judge right: the solution scores perfect, a constant what counting gives, the sample passes."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from competition.bundle_writer import csv_bytes
from competition.doctor.finding import Finding, some
from competition.errors import UserError
from competition.layout import SAMPLE_SUBMISSION, TEST_TABLE
from competition.rules import Rules
from competition.vault import open_vault
from grader import metrics
from grader.doctor.by_hand import BY_HAND, Expected
from grader.metrics import MetricError
from grader.scoring.judge import Judge, open_judge
from grader.store.records import Score
from grader.submission.check import check_bytes, check_submission
from grader.submission.solution import read_ids

CLOSE = 1e-9

Answers = dict[str, str]


def judged(home: Path, bundle: Path, name: str) -> list[Finding]:
    """Hand the judge submissions whose scores are known beforehand; a judge that cannot open or score is a fault."""
    try:
        judge = open_judge(home, name)
        truth, usage = _solution(open_vault(home, name).read_solution(), judge.rules)
        return [*_sample(judge, bundle), *_perfect(judge, truth), *_constants(judge, truth, usage)]
    except UserError as error:
        return [Finding("fault", "judge", f"the judge cannot work: {error}")]


def _solution(content: bytes, rules: Rules) -> tuple[Answers, Answers]:
    """Label and Usage by id, read with nothing but Python's csv module.

    What is ignored may have any label, so it gets one that is allowed.
    """
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    allowed = next(row[rules.target_column] for row in rows if row["Usage"] != "Ignored")
    usage = {row[rules.id_column]: row["Usage"] for row in rows}
    labels = {row[rules.id_column]: row[rules.target_column] for row in rows}
    return {item: allowed if usage[item] == "Ignored" else label for item, label in labels.items()}, usage


def _sample(judge: Judge, bundle: Path) -> list[Finding]:
    file = bundle / SAMPLE_SUBMISSION
    checked = check_submission(file, judge.rules, read_ids((bundle / TEST_TABLE).read_bytes(), judge.rules))
    if checked.problems:
        told = f"the sample submission is refused: {some([problem.message for problem in checked.problems])}"
        return [Finding("fault", "sample", told, "prepare again with --force")]
    return [Finding("ok", "sample", f"the sample submission of {checked.rows:,} rows passes `grader check`")]


def _perfect(judge: Judge, truth: Answers) -> list[Finding]:
    """The solution itself as a submission."""
    scores = _scores(judge, _submission(judge.rules, truth))
    wrong = [score for score in scores if not _is_best(judge.rules, score)]
    shown = _shown(scores, judge.rules.metric.label)
    if wrong:
        told = f"the solution itself does not score perfect: {_shown(wrong)}"
        return [Finding("fault", "perfect", told, "the metric or the solution is wrong")]
    return [Finding("ok", "perfect", f"the solution itself scores perfect: {shown}")]


def _constants(judge: Judge, truth: Answers, usage: Answers) -> list[Finding]:
    """Submissions that say one thing throughout, against a count by hand."""
    counted, wrong = 0, []
    for answer in _constant_answers(judge.rules, truth):
        for score in _scores(judge, _constant(judge.rules, list(truth), answer)):
            part = [truth[item] for item in truth if usage[item] == score.split]
            expected = _expected(judge.rules, score.metric, part, answer)
            if expected is not None:
                counted += 1
                if not math.isclose(score.value, expected, rel_tol=CLOSE, abs_tol=CLOSE):
                    wrong.append(f"{score.split} {score.metric} is {score.value:.9g}, by hand {expected:.9g}")
    if wrong:
        told = f"{len(wrong)} of {counted} scores of constant submissions are not what counting gives: {some(wrong)}"
        return [Finding("fault", "constant", told, "the metric or the solution is wrong")]
    if not counted:
        return [Finding("note", "constant", f"no count by hand is known for the metric {judge.rules.metric.label}")]
    return [Finding("ok", "constant", f"{counted} scores of constant submissions are what counting by hand gives")]


def _expected(rules: Rules, metric: str, truth: Sequence[str], answer: str) -> float | None:
    """What counting gives for a metric without options; None where no count is known."""
    count: Expected | None = BY_HAND.get(metric)
    return count(truth, answer, rules.labels) if count and truth else None


def _constant_answers(rules: Rules, truth: Answers) -> list[str]:
    if rules.task == "regression":
        values = [float(text) for text in truth.values()]
        return [repr(math.fsum(values) / len(values)), repr(max(values))]
    if rules.task == "classification":
        return list(rules.labels) if rules.form == "labels" else [rules.labels[0]]
    return []


def _constant(rules: Rules, ids: list[str], answer: str) -> bytes:
    if rules.form == "probabilities":
        share = [repr(1 / len(rules.labels))] * len(rules.labels)
        return csv_bytes((rules.id_column, *rules.labels), ((item, *share) for item in ids))
    return csv_bytes((rules.id_column, rules.target_column), ((item, answer) for item in ids))


def _submission(rules: Rules, answers: Answers) -> bytes:
    """Answers as a submission of the competition's form."""
    if rules.form == "probabilities":
        rows = ((item, *(int(label == answer) for label in rules.labels)) for item, answer in answers.items())
        return csv_bytes((rules.id_column, *rules.labels), rows)
    return csv_bytes((rules.id_column, rules.target_column), answers.items())


def _scores(judge: Judge, submission: bytes) -> Sequence[Score]:
    checked = check_bytes(submission, judge.rules, judge.solution.index)
    if checked.predictions is None:
        raise MetricError(f"the judge refuses its own solution: {checked.problems[0].message}")
    return judge.score(checked.predictions)


def _is_best(rules: Rules, score: Score) -> bool:
    """Whether a score is the best its metric can give; a custom metric does not say what that is."""
    for rule in (rules.metric, *rules.extra_metrics):
        if rule.label == score.metric and rule.file is None:
            return math.isclose(score.value, metrics.get(rule.name).best, abs_tol=CLOSE)
    return True


def _shown(scores: Sequence[Score], metric: str | None = None) -> str:
    return ", ".join(f"{s.split} {s.metric} {s.value:g}" for s in scores if metric in (None, s.metric))
