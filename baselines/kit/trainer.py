"""The training loop: steps until the epochs or the time are used up, evaluations on the way, the best state kept."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from baselines.kit.ahead import ahead_pays, made_ahead
from baselines.kit.batches import Batch, Batches
from baselines.kit.best import BestState
from baselines.kit.budget import Allowance
from baselines.kit.checkpoint import load_checkpoint, save_checkpoint
from baselines.kit.data import ImageData, draw_sample
from baselines.kit.device import Placement
from baselines.kit.diagnosis import Extent, Finding, explain_divergence
from baselines.kit.files import RESUME, WEIGHTS
from baselines.kit.fit import Fit
from baselines.kit.history import Row
from baselines.kit.live import Reporter
from baselines.kit.losses import plain_loss, training_loss
from baselines.kit.optimizers import create_optimizer, set_momentum, set_rate
from baselines.kit.predict import Evaluation, evaluate
from baselines.kit.recipe import Recipe
from baselines.kit.running import Running
from baselines.kit.schedules import create_schedule
from baselines.kit.step import TrainStep
from competition.errors import UserError, first_line

_EVALUATION_SHARE = 0.1  # of the time, at most
_SAVING_SHARE = 0.02


class Trainer:
    """Trains one model on one competition's images."""

    sample_size = 2000  # training images that are evaluated beside the validation part

    def __init__(
        self,
        model: nn.Module,
        data: ImageData,
        recipe: Recipe,
        placement: Placement,
        allowance: Allowance,
        reporter: Reporter,
        seed: int,
        out: Path | None = None,
        forward: nn.Module | None = None,
        bundle: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`model` is on its device already; `out` is where checkpoints go, None writes none.

        `bundle` identifies the data: a run goes on with its own alone. `forward` is what training steps call, the
        compiled model; None: the model itself.
        """
        self.model, self.data, self.recipe, self.placement = model, data, recipe, placement
        self.allowance, self.reporter, self.seed, self.out = allowance, reporter, seed, out
        self.bundle = dict(bundle)
        self.sample = draw_sample(data.train, self.sample_size, seed)
        self.optimizer = create_optimizer(model, recipe)
        self.schedule = create_schedule(recipe.schedule, recipe.epochs)
        self.best = BestState(recipe.keep, len(data.validation))
        self.rows: list[Row] = []
        self.losses: list[float] = []
        self.step = 0
        self._batches = Batches(data, recipe, placement, seed)
        self._ema = _create_ema(model, recipe)
        part_size = max(2, math.ceil(recipe.batch / recipe.accumulate))  # batch norm needs two
        self._train_step = TrainStep(
            model if forward is None else forward,
            self.optimizer,
            training_loss(recipe),
            placement,
            part_size,
            recipe.clip_gradient,
            reporter.note,
        )
        self._rate = recipe.lr
        self._running = Running()
        self._images = 0  # that steps of this process were taken on
        self._seconds_aside = 0.0  # of evaluating and saving
        self._seconds_before = 0.0  # of the interrupted run that this one resumes
        self._pending: list[tuple[Tensor, Tensor, int]] = []
        self._evaluated_until = time.monotonic()
        self._evaluation_seconds = allowance.reserve.evaluate_seconds
        self._saved_at = time.monotonic()
        self._saving_seconds = 0.0
        self._epochs_guessed: float | None = None

    @property
    def evaluated_model(self) -> nn.Module:
        """The model that is evaluated and kept: the averaged one where the recipe averages."""
        return self._ema.module if self._ema is not None else self.model

    @property
    def _is_on_cuda(self) -> bool:
        return self.placement.device.type == "cuda"

    @property
    def _own_batch(self) -> int:
        """How many images of a batch this process takes."""
        return self.recipe.batch

    def fit(self) -> Fit:
        """Train until the epochs are done, the time is up, patience is lost or the loss is no number."""
        start, divergence, patience_lost = time.monotonic(), None, ""
        with made_ahead(self._batches.of_step, ahead_pays(self.recipe, self.data.shape, self.placement)) as batch_of:
            while self.allowance.fits_another_step(self.step) and not (divergence or patience_lost):
                divergence = self._one_step(batch_of)
                if divergence is None and self._is_evaluation_due():
                    divergence = self._evaluate()
                    patience_lost = self._lost_patience()
        divergence = divergence or self._collect()
        if self.step and not divergence and not self._is_evaluated:
            divergence = self._evaluate()
        if self.step and not divergence and self.recipe.keep == "last":
            self._keep_last()
        return self._fit(start, patience_lost, divergence)

    @property
    def _is_evaluated(self) -> bool:
        return bool(self.rows) and self.rows[-1].step == self.step

    def _keep_last(self) -> None:
        """Keep the state that training ended with, also where no time was left to evaluate it.

        One that was evaluated is kept already, or was found to answer with what no number is.
        """
        if not self._is_evaluated:
            self.best.take(self.evaluated_model)
            self.reporter.note("the last state predicts, as the recipe says; it was not evaluated")

    def _fit(self, start: float, patience_lost: str, divergence: Finding | None) -> Fit:
        seconds = time.monotonic() - start
        is_whole = self.step >= self.allowance.total_steps
        ending = f"{divergence.evidence}: {divergence.illness}" if divergence else patience_lost or self._why_ended()
        return Fit(
            rows=self.rows,
            best=self.best.row,
            steps=self.step,
            extent=Extent(
                epochs=self.step / self._batches.steps_an_epoch,
                planned=self.recipe.epochs,
                out_of_time=not (is_whole or patience_lost or divergence),
            ),
            seconds=seconds,
            images_per_second=self._images / max(seconds - self._seconds_aside, 1e-9),
            ending=ending,
            divergence=divergence,
            losses=self.losses,
            batch_parts=math.ceil(self._own_batch / self._train_step.part_size),
        )

    def _one_step(self, batch_of: Callable[[int], Batch]) -> Finding | None:
        """Take one step; a finding when the loss turned out to be no number."""
        began = time.monotonic()
        self.model.train()
        progress = self.allowance.progress(self.step)
        self._rate = self.recipe.lr * self.schedule.factor(progress)
        set_rate(self.optimizer, self._rate)
        momentum = self.schedule.momentum(progress)
        if momentum is not None:
            set_momentum(self.optimizer, momentum)
        batch = batch_of(self.step)
        loss, right = self._train_step(batch.images, batch.target)
        self.step += 1
        self._images += batch.count
        if self._ema is not None:
            self._ema.update(self.model, step=self.step)
        self._pending.append((loss, right, batch.count))
        problem = self._collect() if self._is_collecting_due() else None
        now = time.monotonic()
        self.allowance.note_step(now - began)
        self.allowance.reserve.learn_from_training(1 / max(self._running.speed, 1e-9))
        self.reporter.step(
            self.step,
            self.step / self._batches.steps_an_epoch,
            self.allowance.progress(self.step),
            self._rate,
            self._running.mean_loss,
        )
        return problem

    def _is_collecting_due(self) -> bool:
        # Reading a loss waits for the GPU; on the CPU it costs nothing.
        return self.placement.device.type == "cpu" or len(self._pending) >= 10

    def _collect(self) -> Finding | None:
        """Move the losses of the last steps to Python and look for one that is no number."""
        first = self.step - len(self._pending) + 1
        for number, (loss, right, count) in enumerate(self._pending, first):
            value = float(loss)
            if not math.isfinite(value):
                self._pending.clear()
                return explain_divergence(number, value, self.losses, self.placement.precision)
            self.losses.append(value)
            self._running.add(value, int(right), count)
        self._pending.clear()
        return None

    def _is_evaluation_due(self) -> bool:
        """After every epoch; several times inside one where the run has only few."""
        if self.allowance.is_short(self.step) and self._evaluating_costs_too_much():
            return False
        if self._epochs_ahead() >= self.recipe.evaluations:
            return self.step % self._batches.steps_an_epoch == 0
        wanted = math.floor(self.allowance.progress(self.step) * self.recipe.evaluations + 1e-9)
        return len(self.rows) < wanted < self.recipe.evaluations

    def _evaluating_costs_too_much(self) -> bool:
        passed = time.monotonic() - self._evaluated_until
        return passed < self._evaluation_seconds * (1 / _EVALUATION_SHARE - 1)

    def _epochs_ahead(self) -> float:
        """How many epochs the whole run will have; where time is short a guess that stays, as the rhythm does."""
        if not self.allowance.is_short(self.step):
            return self.allowance.total_steps / self._batches.steps_an_epoch
        if self._epochs_guessed is None and self.step >= min(3, self.allowance.total_steps):
            progress = max(self.allowance.progress(self.step), 1e-9)
            self._epochs_guessed = round(self.step / progress / self._batches.steps_an_epoch, 3)
        return self._epochs_guessed or 0.0

    def _evaluate(self) -> Finding | None:
        """Measure, keep the best state, write the checkpoint; a finding where the loss was no number."""
        problem = self._collect()
        if problem:
            return problem
        began = time.monotonic()
        self._evaluate_and_save(began)
        self._evaluated_until = time.monotonic()
        self._seconds_aside += self._evaluated_until - began
        return None

    def _evaluate_and_save(self, began: float) -> None:
        speed = self._running.speed  # the clock of the steps runs on
        measured = self._measure()
        if measured is None:
            self.reporter.note("no time was left to evaluate")
            return
        self._tell_cut(*measured)
        row = self._row(*measured, speed)
        self.rows.append(row)
        self.schedule.observe(row.validation_loss)
        improved = self.best.offer(self.evaluated_model, row)
        self.reporter.evaluation(row, improved)
        self._evaluation_seconds = time.monotonic() - began
        speeds = [part.seconds / part.count for part in measured if part is not None]
        self.allowance.reserve.learn_from_evaluation(sum(speeds) / len(speeds))
        self._save()
        self._running = Running()

    def _tell_cut(self, validation: Evaluation, sample: Evaluation | None) -> None:
        """Say it where the figures that follow are not of all images."""
        whole = len(self.data.validation)
        if validation.count < whole or sample is None:
            left_out = ", none of the training sample" if sample is None else ""
            self.reporter.note(
                f"time ran out while evaluating: {validation.count:,} of {whole:,} validation images{left_out}"
            )

    def _measure(self) -> tuple[Evaluation, Evaluation | None] | None:
        """Figures of the validation part and of a sample of the training part, as far as time allows."""
        part_size = max(256, self.recipe.batch) if self.placement.device.type == "cuda" else 256
        loss, stop_at = plain_loss(self.recipe), self.allowance.evaluation_end()
        found = [
            evaluate(self.evaluated_model, self.data, part, self.placement, part_size, loss, stop_at)
            for part in (self.data.validation, self.sample)
        ]
        validation, shown = found
        return None if validation is None else (validation, shown)

    def _row(self, validation: Evaluation, sample: Evaluation | None, speed: float) -> Row:
        return Row(
            step=self.step,
            epoch=self.step / self._batches.steps_an_epoch,
            seconds=self._seconds_before + self.allowance.clock.elapsed,
            learning_rate=self._rate,
            train_loss=self._running.mean_loss,
            train_accuracy=self._running.accuracy,
            sample_loss=sample.loss if sample else math.nan,
            sample_accuracy=sample.accuracy if sample else math.nan,
            validation_loss=validation.loss,
            validation_accuracy=validation.accuracy,
            validation_contradicted=validation.contradicted,
            images_per_second=speed,
            validation_images=validation.count,
            sample_images=sample.count if sample else 0,
        )

    def _lost_patience(self) -> str:
        if self.recipe.patience is None or self.best.waited < self.recipe.patience:
            return ""
        return f"early stopping: {self.best.waited} evaluations without a better one"

    def _why_ended(self) -> str:
        if self.step >= self.allowance.total_steps:
            return f"all {self.recipe.epochs:g} epochs done"
        return "the budget is used up, what is left of it is for the predictions"

    def _save(self) -> None:
        """Write the weights and what a resumed run needs, but never spend more than a share of the time on it."""
        began = time.monotonic()
        if self.out is None or began - self._saved_at < self._saving_seconds / _SAVING_SHARE:
            return
        if not self.allowance.fits_another_step(self.step) or began + self._saving_seconds > self.allowance.end:
            return  # what is left of the budget is for the predictions
        try:
            save_checkpoint(self.out / RESUME, self.state())
            if self.best.state is not None:
                save_checkpoint(self.out / WEIGHTS, self.best.state)
        except UserError as error:
            self.reporter.note(f"no checkpoint was kept: {error}")
        self._saved_at = time.monotonic()
        self._saving_seconds = self._saved_at - began

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on later: tensors and plain values."""
        return {
            "step": self.step,
            "progress": self.allowance.progress(self.step),
            "recipe": self.recipe.model_dump_json(),
            "seed": self.seed,
            "bundle": self.bundle,
            "model": self.model.state_dict(),
            "ema": self._ema.module.state_dict() if self._ema is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "plateau": asdict(self.schedule.plateau) if self.schedule.plateau else None,
            "best": self.best.state,
            "best_row": asdict(self.best.row) if self.best.row else None,
            "waited": self.best.waited,
            "step_state": self._train_step.state(),
            "rows": [asdict(row) for row in self.rows],
            "losses": list(self.losses),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.placement.device) if self._is_on_cuda else None,
        }

    def resume(self, path: Path) -> None:
        """Go on from the checkpoint of an interrupted run.

        Raises:
            UserError: it is damaged or was written with another recipe, seed or bundle.
        """
        saved = load_checkpoint(path)
        here = {"recipe": self.recipe.model_dump_json(), "seed": self.seed, "bundle": self.bundle}
        if other := [name for name, value in here.items() if saved.get(name) != value]:
            raise UserError(
                f"{path}: written by another {' and '.join(other)}; give the same again, or leave --resume out"
            )
        try:
            self._take_over(saved)
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: does not fit this model ({first_line(error)}); delete it to start anew") from None
        self.reporter.note(f"resumed at step {self.step} ({100 * self.allowance.already:.0f} % of the way)")

    def _take_over(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        if self._ema is not None:
            self._ema.module.load_state_dict(saved["ema"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.rows = [Row(**row) for row in saved["rows"]]
        self._seconds_before = self.rows[-1].seconds if self.rows else 0.0  # it is written after an evaluation
        if self.schedule.plateau:
            for name, value in saved["plateau"].items():
                setattr(self.schedule.plateau, name, value)
        if saved["best_row"]:
            best = {name: value.to(self.placement.device) for name, value in saved["best"].items()}
            self.best.resume(Row(**saved["best_row"]), best, saved["waited"], self.rows)
        self.losses = list(saved["losses"])
        self.step, self.allowance.already = saved["step"], saved["progress"]
        self._running = Running()
        self._train_step.take_over(saved["step_state"])
        torch.set_rng_state(saved["random"])
        if saved["random_cuda"] is not None and self._is_on_cuda:
            torch.cuda.set_rng_state(saved["random_cuda"], self.placement.device)


def _create_ema(model: nn.Module, recipe: Recipe) -> Any:
    if recipe.ema is None:
        return None
    from timm.utils import ModelEmaV3  # type: ignore[attr-defined]

    # Without the warm-up a short run would keep averaging in the weights it started from.
    return ModelEmaV3(model, decay=recipe.ema, use_warmup=True)
