"""What a run's curves say, in words with their evidence, after the rules of the course.

Train error 1 % and validation 10 % is overfitting, 14 % and 15 % underfitting; a validation loss that still falls asks
for more epochs or a higher rate, a loss that swings for a lower one. A run that the budget cut short is told so first,
and where it was too short to judge by, nothing is said about its rate or its size.

Errors are those of the state that was kept, measured without augmentation, dropout and label smoothing.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from baselines.kit.history import Row

_LARGE_GAP = 0.03  # of validation over train error, in shares
_LARGE_SHARE = 0.2  # of the validation error that a gap must make up to matter
_HIGH_ERROR = 0.08  # a train error that calls for a better fit, as a share of what guessing would get wrong
_LEAST_EPOCHS = 2.0  # that a run must have seen for a word on its rate or its size
_WHOLE = 0.9  # of the planned epochs: a run with fewer was cut
_HALF = 0.5  # of them: with fewer, a slow net and one that was stopped look alike


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or right) with a run."""

    illness: str
    evidence: str
    advice: str


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a run came: passes over the training part, and whether the clock ended it."""

    epochs: float
    planned: float
    out_of_time: bool

    @property
    def was_cut(self) -> bool:
        """Whether the clock took a part of the run that matters."""
        return self.out_of_time and self.epochs < _WHOLE * self.planned

    @property
    def is_brief(self) -> bool:
        """Whether images were seen too few times for a word on the rate."""
        return self.epochs < _LEAST_EPOCHS

    @property
    def shows_a_fit(self) -> bool:
        """Whether the training error tells how well the model can fit."""
        return not self.is_brief and not (self.was_cut and self.epochs < _HALF * self.planned)


def diagnose(
    rows: Sequence[Row],
    losses: Sequence[float],
    classes: int,
    guessing: float | None = None,
    kept: Row | None = None,
    extent: Extent | None = None,
    divergence: Finding | None = None,
) -> list[Finding]:
    """Read a run's curves.

    Args:
        rows: the evaluations, oldest first.
        losses: the training loss of every step.
        classes: number of classes.
        guessing: the loss of guessing, which depends on the training loss; the cross entropy's if not given.
        kept: the evaluation whose weights were kept; the last one where it is not given.
        extent: how far the run came; a whole run if not given.
        divergence: from `explain_divergence`, where the loss became no number.
    """
    if divergence is not None:
        return [divergence]
    extent = extent or Extent(math.inf, math.inf, out_of_time=False)
    if not rows:
        return [*_cut_short(extent, rows, None), _no_evaluation()]
    kept = kept or rows[-1]
    guessing = math.log(classes) if guessing is None else guessing
    rate = None if extent.is_brief else _rate(rows, losses, kept, classes, guessing, extent)
    noise = _label_noise(kept)
    found = [
        *_cut_short(extent, rows, kept),
        rate,
        noise,
        None if noise else _overfitting(rows, kept),
        None if rate or noise else _underfitting(kept, classes, extent),
        None if rate else _not_converged(rows, extent),
    ]
    return [finding for finding in found if finding] or [_healthy(kept, extent)]


def describe(findings: Sequence[Finding]) -> str:
    """The findings as text, one paragraph each."""
    return "\n".join(f"{finding.illness}: {finding.evidence}. Try: {finding.advice}." for finding in findings)


def explain_divergence(step: int, loss: float, before: Sequence[float], precision: str) -> Finding:
    """Say at which step the loss stopped being a number, and the likely cause.

    Args:
        step: 1-based.
        loss: what it became.
        before: the losses of the steps before.
        precision: that of the run, `fp16` as the one whose numbers end at 65,504.
    """
    what = f"the loss became {loss} at step {step}"
    recent = before[-50:]
    if recent and max(recent[-3:]) > 3 * statistics.median_low(recent):
        evidence = f"{what}, after rising from {min(recent):.3g} to {max(recent[-3:]):.3g}"
        return Finding("learning rate too high", evidence, "a tenth of the rate, a warm-up, or clip_gradient=1")
    if precision == "fp16":
        evidence = f"{what} without rising before, in fp16, which overflows where bf16 and fp32 do not"
        return Finding("fp16 overflow", evidence, "precision=bf16 or precision=fp32")
    if not before:
        advice = "a look at the images, at the model's first weights and at what it does with the images"
        return Finding("no number from the start", f"{what}, before the weights were ever moved", advice)
    advice = "clip_gradient=1, a warm-up or a lower rate; where they do not help, a look at the images"
    return Finding("the loss broke off", f"{what} without rising before: it was {before[-1]:.3g}", advice)


def _cut_short(extent: Extent, rows: Sequence[Row], kept: Row | None) -> list[Finding]:
    """A schedule that came to its end in the time there was was not cut, unless little of the plan was done."""
    if not extent.was_cut or (extent.shows_a_fit and rows and _is_annealed(rows)):
        return []
    done = f"{extent.epochs:.2g}" if extent.epochs < 10 else f"{extent.epochs:.0f}"
    evidence = f"{done} of {extent.planned:g} epochs were done when the time was up"
    if kept is not None:
        evidence += f"; {_errors(kept)}"
    return [Finding("cut short by the budget", evidence, "a longer budget, smaller images or a faster model")]


def _no_evaluation() -> Finding:
    return Finding("no evaluation", "the run ended before the first one", "a longer budget or a smaller model")


def _rate(
    rows: Sequence[Row], losses: Sequence[float], kept: Row, classes: int, guessing: float, extent: Extent
) -> Finding | None:
    return (
        _swings_at_guessing(losses, guessing)
        or _oscillation(rows, guessing)
        or (_rate_too_low(rows, kept, classes, guessing) if extent.shows_a_fit else None)
        or _nothing_learnt(rows, kept, classes, guessing)
    )


def _swings_at_guessing(losses: Sequence[float], guessing: float) -> Finding | None:
    """The training loss swings about without falling where guessing is, although it is moving."""
    recent = list(losses[-max(20, len(losses) // 2) :])
    if len(recent) < 20:
        return None
    mean, swing = statistics.fmean(recent), statistics.pstdev(recent)
    half = len(recent) // 2
    fall = statistics.fmean(recent[:half]) - statistics.fmean(recent[half:])
    if max(recent) <= 1.5 * guessing or mean <= 0.9 * guessing or fall >= swing:
        return None
    evidence = f"the training loss swings by {swing:.2g} around {mean:.2g}, no better than guessing ({guessing:.2g})"
    return Finding("learning rate too high", evidence, "a third or a tenth of the rate, or a warm-up")


def _oscillation(rows: Sequence[Row], guessing: float) -> Finding | None:
    """The validation loss goes up and down by much of its own level and comes to no end with it."""
    whole = _whole(rows)
    loss = [row.validation_loss for row in whole[len(whole) // 4 :]]
    if len(loss) < 5:
        return None
    level = statistics.median(loss)
    large = max(0.1 * level, 0.02 * guessing)  # below it are the ups and downs of any run
    relapses = [
        min(there - before, there - after)
        for before, there, after in zip(loss, loss[1:], loss[2:], strict=False)
        if min(there - before, there - after) > large
    ]
    way = sum(abs(later - earlier) for earlier, later in pairwise(loss))
    if len(relapses) < 2 or way < 4 * abs(loss[-1] - loss[0]):
        return None
    if _is_annealed(rows) and loss[-1] < 1.05 * min(loss):  # the schedule has cured it
        return None
    evidence = (
        f"the validation loss jumped up {len(relapses)} times and fell back, by as much as {max(relapses):.2g}, "
        f"around {level:.2g}"
    )
    return Finding("learning rate too high", evidence, "a third of the rate, or a schedule that falls to zero")


def _rate_too_low(rows: Sequence[Row], kept: Row, classes: int, guessing: float) -> Finding | None:
    """The loss on the training sample falls steadily but has come only a small part of its way.

    The loss of the training steps would not do: mixup, label smoothing and dropout keep it high however well a net
    fits.
    """
    highest = max(row.learning_rate for row in rows)
    # Where a schedule has lowered the rate, it is the schedule that slows the fall.
    loss = [row.sample_loss for row in rows if row.has_sample and row.learning_rate >= 0.2 * highest]
    well_under_chance = 1 - kept.sample_accuracy < 0.6 * (1 - 1 / classes)
    if len(loss) < 4 or well_under_chance:
        return None
    steady = sum(later >= earlier for earlier, later in pairwise(loss)) <= len(loss) // 8
    third = len(loss) // 3
    early, late = loss[0] - loss[third], loss[-1 - third] - loss[-1]
    # A net at the limit of what it can fit falls fast and then levels off; a slow one keeps its pace.
    if not steady or late <= 0.3 * early or loss[-1] <= 0.6 * guessing or loss[0] - loss[-1] <= 0.002 * guessing:
        return None
    evidence = f"the loss on training images fell steadily, but only from {loss[0]:.3g} to {loss[-1]:.3g}"
    return Finding("learning rate too low", evidence, "three or ten times the rate, or a range test to find it")


def _nothing_learnt(rows: Sequence[Row], kept: Row, classes: int, guessing: float) -> Finding | None:
    """Answers on training images are as good as chance and their loss is that of guessing."""
    chance = 1 / classes
    close = max(0.25 * chance, 2 * _standard_error(chance, kept.sample_images))
    if not kept.has_sample or abs(kept.sample_accuracy - chance) > close or kept.sample_loss < 0.98 * guessing:
        return None
    first = next(row for row in rows if row.has_sample)
    evidence = (
        f"{100 * kept.sample_accuracy:.1f} % of the training images are right, chance is {100 * chance:.1f} %, and "
        f"their loss is {kept.sample_loss:.3g} after {first.sample_loss:.3g} at the first evaluation "
        f"(guessing: {guessing:.3g})"
    )
    advice = "a range test of the rate, which may be far too high or far too low; then a look at labels and images"
    return Finding("nothing was learnt", evidence, advice)


def _label_noise(kept: Row) -> Finding | None:
    """Sure answers that the labels contradict, in the training sample just as in the validation part."""
    validation_error, sample_error = 1 - kept.validation_accuracy, 1 - kept.sample_accuracy
    contradicted = kept.validation_contradicted
    fits_no_better = sample_error >= 0.5 * validation_error
    if contradicted < 0.03 or contradicted < 0.4 * validation_error or not fits_no_better:
        return None
    evidence = (
        f"{100 * contradicted:.1f} % of the validation labels contradict an answer the model is sure of, "
        f"and it fits the training part no better ({100 * sample_error:.1f} % wrong)"
    )
    return Finding(
        "label noise suspected", evidence, "looking at those images, label smoothing, or a loss that bounds outliers"
    )


def _overfitting(rows: Sequence[Row], kept: Row) -> Finding | None:
    """Validation is worse than the training sample by more than chance makes it, and by enough to matter."""
    gap = kept.sample_accuracy - kept.validation_accuracy
    by_chance = 2 * _standard_error_of_gap(kept)
    if not gap >= max(_LARGE_GAP, _LARGE_SHARE * (1 - kept.validation_accuracy), by_chance):
        return None
    evidence = f"{_errors(kept)}: a gap of {100 * gap:.1f} points"
    whole = _whole(rows)
    lowest = min(whole, key=lambda row: row.validation_loss)
    if whole[-1].validation_loss > 1.05 * lowest.validation_loss:
        evidence += f"; the validation loss rises since epoch {lowest.epoch:.2g}"
    return Finding("overfitting", evidence, "augmentation, dropout, weight decay, early stopping or more data")


def _underfitting(kept: Row, classes: int, extent: Extent) -> Finding | None:
    error = 1 - kept.sample_accuracy
    gap = kept.sample_accuracy - kept.validation_accuracy
    if not kept.has_sample or error < _HIGH_ERROR * (1 - 1 / classes) or gap > error:
        return None
    if extent.shows_a_fit:
        evidence = f"{_errors(kept)}: the model does not fit what it was shown"
        return Finding("underfitting", evidence, "a larger model, more epochs, less regularisation")
    if extent.was_cut:  # which has been told
        return None
    evidence = f"{_errors(kept)} after {extent.epochs:.2g} epochs"
    return Finding("too few epochs to judge by", evidence, "more epochs")


def _not_converged(rows: Sequence[Row], extent: Extent) -> Finding | None:
    *before, last = _whole(rows)
    if not before:
        return None
    lowest = min(row.validation_loss for row in before)
    fall = 1 - last.validation_loss / lowest if lowest > 0 else 0.0
    # A falling rate makes the loss fall at the very end of any good run; a rate that is still high does not explain it.
    if fall < (0.15 if _is_annealed(rows) else 0.03):
        return None
    evidence = f"the validation loss still fell by {100 * fall:.0f} % at the last evaluation"
    advice = "more epochs, a longer budget or a higher rate" if extent.shows_a_fit else "more epochs or a longer budget"
    return Finding("not yet converged", evidence, advice)


def _healthy(kept: Row, extent: Extent) -> Finding:
    advice = "a larger model or a longer budget, in this order" if extent.shows_a_fit else "more epochs"
    return Finding("no illness found", _errors(kept), advice)


def _whole(rows: Sequence[Row]) -> list[Row]:
    """The evaluations that can be compared: those on all of the images."""
    most = max(row.validation_images for row in rows)
    return [row for row in rows if row.validation_images == most]


def _is_annealed(rows: Sequence[Row]) -> bool:
    return rows[-1].learning_rate < 0.2 * max(row.learning_rate for row in rows)


def _standard_error(share: float, images: int) -> float:
    """Of a share of so many images; 0 where they were not counted."""
    return math.sqrt(share * (1 - share) / images) if images else 0.0


def _standard_error_of_gap(row: Row) -> float:
    """Of the difference of two shares, both taken for the mean of the two: neither is 0 % wrong for certain."""
    mean = (row.sample_accuracy + row.validation_accuracy) / 2
    return math.hypot(_standard_error(mean, row.sample_images), _standard_error(mean, row.validation_images))


def _errors(row: Row) -> str:
    validation = f"validation error {100 * (1 - row.validation_accuracy):.1f} %"
    if not row.has_sample:
        return f"{validation} (train error not measured)"
    return f"train error {100 * (1 - row.sample_accuracy):.1f} %, {validation}"
