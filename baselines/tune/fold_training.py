"""Training the model of one fold and predicting the rows that it has not seen.

A fold keeps the last state and knows no patience, whatever the recipe says: a state that was chosen by the rows held
out would flatter the predictions of these very rows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from baselines.ensemble.tables import read_probabilities
from baselines.kit import files
from baselines.kit.budget import Clock
from baselines.kit.data import ImageData, load_images
from baselines.kit.device import choose_device, kept_random_state, move_model, use_threads
from baselines.kit.live import Silent
from baselines.kit.losses import class_probabilities
from baselines.kit.plan import make_plan, seconds_an_image, target_shape
from baselines.kit.predict import PREDICTION_BATCH, create_views, predict_logits
from baselines.kit.recipe import Recipe, with_changes
from baselines.kit.request import Outcome, Request
from baselines.kit.session import stored_shape, train_and_predict
from baselines.tune.folds import HeldOut, hold_out, without_selection
from competition.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from baselines.kit.kernel import Kernel
    from competition.bundle import Bundle

OUT_OF_FOLD = "oof.csv"
_SAFETY = 1.35  # another process may take half of the machine while the rows held out are predicted
_MOST_FOR_PREDICTING = 0.5  # of a fold's time


@dataclass(frozen=True, slots=True)
class Training:
    """What the models of all folds share."""

    kernel: "Kernel"
    recipe: Recipe  # one rung, one precision: folds that train different nets have no common mean
    recipe_name: str
    bundle: "Bundle"
    seed: int
    device: str
    threads: int | None
    seconds_a_row: float = 0.0  # of a prediction, over all views of an image


@dataclass(frozen=True, slots=True)
class Fold:
    """What the model of one fold came to."""

    number: int
    rows: "NDArray[np.int64]"  # of train.csv, that it has not seen and that were predicted
    probabilities: "NDArray[np.floating[Any]]"  # len(rows) x classes
    held_out: int  # rows that it has not seen
    is_complete: bool  # all of them and the whole test part were predicted
    seconds: float  # used
    epochs: float
    seconds_a_row: float  # of these predictions

    def accuracy(self, labels: "NDArray[np.int64]") -> float | None:
        """Share of right answers among the rows that were predicted; None where that is none."""
        return float((self.probabilities.argmax(1) == labels[self.rows]).mean()) if len(self.rows) else None


def planned(training: Training, images: int, clock: Clock) -> tuple[Training, str]:
    """Take one rung of the ladder and one precision for all folds, and time a prediction.

    Args:
        training: its recipe is completed, with or without a ladder.
        images: that a fold trains on.
        clock: the time of one fold.

    Returns:
        What the folds share, and the plan in words.
    """
    use_threads(training.threads)
    kernel, stored, device = training.kernel, stored_shape(training.bundle), choose_device(training.device)
    plan = make_plan(kernel.build, training.recipe, stored, images, device, clock, training.seed)
    recipe = with_changes(without_selection(plan.recipe), {"precision": plan.placement.precision}, "of the folds")
    shape = target_shape(stored, recipe.image_px)
    with kept_random_state():
        model = move_model(kernel.build(recipe, shape), plan.placement)
        seconds = seconds_an_image(model, shape, plan.placement, min(PREDICTION_BATCH, images))
    return replace(training, recipe=recipe, seconds_a_row=len(create_views(recipe.tta)) * seconds), plan.reason


def reserved_seconds(training: Training, rows: int, seconds: float) -> float:
    """What of a fold's time is kept for predicting so many rows and writing them."""
    cells = rows * len(training.bundle.rules.labels)
    needed = _SAFETY * training.seconds_a_row * rows + 0.1 + files.SECONDS_A_CELL * cells
    return min(needed, _MOST_FOR_PREDICTING * seconds)


def train_fold(
    training: Training,
    number: int,
    validation: "NDArray[np.bool_]",
    out: Path,
    seconds: float,
    tell: Callable[[str], None],
) -> Fold:
    """Train on the rows outside a fold and predict those inside.

    Args:
        training: what all folds share.
        number: of the fold, from 0.
        validation: True for the rows of train.csv inside it.
        out: where `oof.csv` of these rows and the run's own files go.
        seconds: what may be used.
        tell: takes a line for people.

    Raises:
        UserError: nothing was learnt.
    """
    started = time.monotonic()
    held_out, rows = hold_out(training.bundle, validation), np.flatnonzero(validation)
    pictures = _read_pictures(training, held_out)
    end = started + seconds
    request = Request(
        kernel=training.kernel.name,
        recipe_name=f"{training.recipe_name}, fold {number}",
        recipe=training.recipe,
        bundle=held_out,
        out=out,
        clock=Clock(started, end - reserved_seconds(training, len(rows), seconds)),
        seed=training.seed,
        device=training.device,
        threads=training.threads,
        probabilities=True,
    )
    outcome = train_and_predict(training.kernel.build, request, Silent())
    if not outcome.predicted_rows:
        raise UserError(f"fold {number} came to no predictions ({outcome.fit.ending})")
    predicting = time.monotonic()
    found: NDArray[np.floating[Any]] = _predict(outcome, pictures, stop_at=end)
    took = time.monotonic() - predicting
    predicted = rows[: len(found)]
    ids = [training.bundle.train_ids[row] for row in predicted]
    files.write_probabilities(out / OUT_OF_FOLD, training.bundle.rules, ids, found)
    if ids:  # rounded, so that a resumed cross validation comes to the same figures
        found = read_probabilities(out / OUT_OF_FOLD, training.bundle.rules).probabilities
    if len(predicted) < len(rows):
        tell(f"fold {number}: only {len(predicted):,} of {len(rows):,} rows were predicted in time")
    is_complete = len(predicted) == len(rows) and outcome.predicted_rows == len(training.bundle.test_ids)
    return Fold(
        number=number,
        rows=predicted,
        probabilities=found,
        held_out=len(rows),
        is_complete=is_complete,
        seconds=time.monotonic() - started,
        epochs=outcome.fit.epochs,
        seconds_a_row=took / len(found) if len(found) else training.seconds_a_row,
    )


def _read_pictures(training: Training, bundle: HeldOut) -> ImageData | None:
    """The rows held out as pictures where a run turns all its pictures into features; None where it keeps them."""
    recipe = training.recipe
    if not recipe.cache_features:
        return None
    placement = choose_device(training.device)
    data = load_images(bundle, placement, training.seed, recipe.image_px, recipe.mean, recipe.std, recipe.interpolation)
    return replace(data, train=data.validation, test=data.validation)  # the other parts would only take memory


def _predict(outcome: Outcome, pictures: ImageData | None, stop_at: float) -> "NDArray[np.float32]":
    """Probabilities of the rows held out, in their order, by the state that was kept."""
    data, views = pictures or outcome.data, create_views(outcome.plan.recipe.tta)
    logits = predict_logits(
        outcome.model, data, data.validation, outcome.plan.placement, PREDICTION_BATCH, views, stop_at
    )
    found: NDArray[np.float32] = class_probabilities(logits).numpy()
    return found
