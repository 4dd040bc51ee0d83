"""What a run's curves say, in words with their evidence, after the rules of the course.

Train error 1 % and validation 10 % is overfitting, 14 % and 15 % underfitting; a validation loss that still falls asks
for more epochs or a higher rate, a loss that swings for a lower one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from baselines.kit.history import Row

_LARGE_GAP = 0.03  # of validation over train error, in shares; below it both are within sampling noise of each other
_HIGH_ERROR = 0.08  # a train error that calls for a better fit, as a share of what guessing would get wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or right) with a run."""

    illness: str
    evidence: str
    advice: str


def diagnose(
    rows: Sequence[Row], losses: Sequence[float], classes: int, diverged: bool = False, kept: Row | None = None
) -> list[Finding]:
    """Read a run's curves.

    Args:
        rows: the evaluations, oldest first.
        losses: the training loss of every step.
        classes: number of classes; the loss of guessing is its logarithm.
        diverged: the loss became no number.
        kept: the evaluation whose weights were kept; the last one where it is not given.
    """
    if diverged:
        return [_diverged(losses)]
    if not rows:
        return [
            Finding("no evaluation", "the run ended before the first one", "give it a longer budget or a smaller model")
        ]
    kept = kept or rows[-1]
    rate = _rate_too_high(rows, losses, classes) or _rate_too_low(rows, losses, classes)
    noise = _label_noise(kept)
    found = [
        rate,
        noise,
        None if noise else _overfitting(rows, kept),
        None if rate or noise else _underfitting(kept, classes),
        None if rate else _not_converged(rows),
    ]
    return [finding for finding in found if finding] or [_healthy(kept)]


def describe(findings: Sequence[Finding]) -> str:
    """The findings as text, one paragraph each."""
    return "\n".join(f"{finding.illness}: {finding.evidence}. Try: {finding.advice}." for finding in findings)


def explain_divergence(step: int, loss: float, before: list[float], precision: str) -> str:
    """Say at which step the loss stopped being a number, and the likely cause."""
    recent = before[-20:]
    if not before:
        cause = "it was so from the start: the images or the loss hold values that are no numbers"
    elif max(recent) > 3 * min(before):
        cause = f"it rose from {min(before):.3g} to {recent[-1]:.3g} before: the learning rate is too high, try a tenth"
    elif precision == "fp16":
        cause = "fp16 overflows where bf16 and fp32 do not: try --set precision=fp32"
    else:
        cause = "it came at once: try a lower learning rate, a warm-up or --set clip_gradient=1"
    return f"the loss became {loss} at step {step}; {cause}"


def _diverged(losses: Sequence[float]) -> Finding:
    reached = f", after rising from {min(losses):.3g} to {losses[-1]:.3g}" if losses else ""
    return Finding(
        "learning rate too high",
        f"the loss stopped being a number after {len(losses)} steps{reached}",
        "a tenth of the rate, a warm-up, or clip_gradient=1",
    )


def _rate_too_high(rows: Sequence[Row], losses: Sequence[float], classes: int) -> Finding | None:
    """The training loss swings about without falling, or sits where guessing is although it is moving."""
    recent = list(losses[-max(20, len(losses) // 2) :])
    if len(recent) < 20:
        return None
    mean = sum(recent) / len(recent)
    swing = math.sqrt(sum((loss - mean) ** 2 for loss in recent) / len(recent))
    half = len(recent) // 2
    fall = sum(recent[:half]) / half - sum(recent[half:]) / (len(recent) - half)
    guessing = math.log(classes)
    if max(recent) > 1.5 * guessing and mean > 0.9 * guessing and fall < swing:
        evidence = (
            f"the training loss swings by {swing:.2g} around {mean:.2g}, no better than guessing ({guessing:.2g})"
        )
        return Finding("learning rate too high", evidence, "a third or a tenth of the rate, or a warm-up")
    worst = _largest_relapse(rows)
    if worst > 0.5 * guessing and fall < swing:
        evidence = f"the validation loss jumps up by as much as {worst:.2g} between evaluations"
        return Finding("learning rate too high", evidence, "a third of the rate, or a schedule that falls to zero")
    return None


def _largest_relapse(rows: Sequence[Row]) -> float:
    """Largest rise of the validation loss that falls again afterwards: swinging, as opposed to overfitting."""
    loss = [row.validation_loss for row in rows]
    rises = [min(loss[i] - loss[i - 1], loss[i] - min(loss[i + 1 :])) for i in range(1, len(loss) - 1)]
    return max(rises, default=0.0)


def _rate_too_low(rows: Sequence[Row], losses: Sequence[float], classes: int) -> Finding | None:
    """The training loss falls steadily but has come only a small part of its way."""
    if len(losses) < 20:
        return None
    tenth = max(1, len(losses) // 10)
    parts = [sum(losses[at : at + tenth]) / tenth for at in range(0, tenth * 10, tenth)]
    steady = sum(later < earlier for earlier, later in pairwise(parts)) >= len(parts) - 2
    early, late = parts[0] - parts[3], parts[-4] - parts[-1]
    guessing = math.log(classes)
    # A net at the limit of what it can fit falls fast and then levels off; a slow one keeps its pace.
    if steady and late > 0.3 * early and parts[-1] > 0.6 * guessing and parts[0] - parts[-1] > 0.002 * guessing:
        evidence = f"the training loss fell steadily, but only from {parts[0]:.3g} to {parts[-1]:.3g}"
        return Finding("learning rate too low", evidence, "three or ten times the rate, or a range test to find it")
    return None


def _label_noise(kept: Row) -> Finding | None:
    """Sure answers that the labels contradict, in the training sample just as in the validation part."""
    validation_error, sample_error = 1 - kept.validation_accuracy, 1 - kept.sample_accuracy
    contradicted = kept.validation_contradicted
    if contradicted < 0.03 or contradicted < 0.4 * validation_error or sample_error < 0.5 * validation_error:
        return None
    evidence = (
        f"{100 * contradicted:.1f} % of the validation labels contradict an answer the model is sure of, "
        f"and it fits the training part no better ({100 * sample_error:.1f} % wrong)"
    )
    return Finding(
        "label noise suspected", evidence, "looking at those images, label smoothing, or a loss that bounds outliers"
    )


def _overfitting(rows: Sequence[Row], kept: Row) -> Finding | None:
    last = rows[-1]
    gap = last.sample_accuracy - last.validation_accuracy
    error = 1 - last.validation_accuracy
    if gap < _LARGE_GAP or gap < 0.4 * error:
        return None
    evidence = f"{_errors(last)}: a gap of {100 * gap:.1f} points"
    lowest = min(rows, key=lambda row: row.validation_loss)
    if lowest.epoch < last.epoch and last.validation_loss > 1.05 * lowest.validation_loss:
        evidence += f"; the validation loss rises since epoch {lowest.epoch:.2g}"
    return Finding("overfitting", evidence, "augmentation, dropout, weight decay, early stopping or more data")


def _underfitting(kept: Row, classes: int) -> Finding | None:
    error = 1 - kept.sample_accuracy
    gap = kept.sample_accuracy - kept.validation_accuracy
    if error < _HIGH_ERROR * (1 - 1 / classes) or gap > error:
        return None
    return Finding(
        "underfitting",
        f"{_errors(kept)}: the model does not fit what it was shown",
        "a larger model, more epochs, less regularisation",
    )


def _not_converged(rows: Sequence[Row]) -> Finding | None:
    if len(rows) < 3:
        return None
    best_before = min(row.validation_loss for row in rows[:-1])
    fall = 1 - rows[-1].validation_loss / best_before if best_before > 0 else 0.0
    # A falling rate makes the loss fall at the very end of any good run; a rate that is still high does not explain it.
    annealed = rows[-1].learning_rate < 0.2 * max(row.learning_rate for row in rows)
    if fall < (0.15 if annealed else 0.03):
        return None
    evidence = f"the validation loss still fell by {100 * fall:.0f} % at the last evaluation"
    return Finding("not yet converged", evidence, "more epochs, a longer budget or a higher rate")


def _healthy(kept: Row) -> Finding:
    return Finding("no illness found", _errors(kept), "a larger model or a longer budget, in this order")


def _errors(row: Row) -> str:
    train, validation = 100 * (1 - row.sample_accuracy), 100 * (1 - row.validation_accuracy)
    return f"train error {train:.1f} %, validation error {validation:.1f} %"
