"""One optimizer step: mixed precision, gradient accumulation, clipping, and halving the batch when memory runs out."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from baselines.kit.data import split_batch
from baselines.kit.device import Placement
from baselines.kit.losses import Loss
from baselines.kit.memory import is_out_of_memory
from competition.errors import UserError


class TrainStep:
    """Takes a batch, moves the weights once."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        placement: Placement,
        part_size: int,
        clip_gradient: float | None = None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`part_size` is how many images go through the model at once; their gradients add up to the batch's."""
        self.model, self.optimizer, self.loss, self.placement = model, optimizer, loss, placement
        self.part_size = part_size
        self._clip = clip_gradient
        self._note = note
        self._scaler = self._new_scaler()
        self._has_state = False

    def __call__(self, images: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """One step. Returns the batch's mean loss and its number of right answers, both still on the device.

        Raises:
            UserError: memory runs out even for two images at a time.
        """
        while True:
            try:
                return self._step(images, target)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            self._halve(len(images))  # here, where no traceback holds the failed part's tensors any more

    def _step(self, images: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        self.optimizer.zero_grad(set_to_none=True)
        losses, right = [], []
        parts = split_batch(images, self.part_size)
        for number, (part, wanted) in enumerate(zip(parts, split_batch(target, self.part_size), strict=True), 1):
            with self._gradients_gathered(is_last=number == len(parts)):
                with self.placement.autocast():
                    logits = self.model(part)
                share = self.loss(logits, wanted) * (len(part) / len(images))
                torch.autograd.backward(self._scaler.scale(share))
            losses.append(share.detach())
            right.append(_right_answers(logits.detach(), wanted))
        if self._clip:
            self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self._has_state = bool(self.optimizer.state)
        return torch.stack(losses).sum(), torch.stack(right).sum()

    def _gradients_gathered(self, is_last: bool) -> AbstractContextManager[None]:
        """Around each part of a batch: here gradients just add up; where processes share them, at the last part."""
        return nullcontext()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs of the step itself: the scale of fp16's gradients."""
        return dict(self._scaler.state_dict())

    def take_over(self, state: dict[str, Any]) -> None:
        """Go on with the state of an interrupted run."""
        self._has_state = bool(self.optimizer.state)
        if state:
            self._scaler.load_state_dict(state)

    def _new_scaler(self) -> torch.amp.GradScaler:
        return torch.amp.GradScaler(self.placement.device.type, enabled=self.placement.precision == "fp16")

    def _begin_anew(self) -> None:
        """Forget what a step that memory cut short had begun: gradients, moments without values, unscaled gradients."""
        self.optimizer.zero_grad(set_to_none=True)
        if not self._has_state:  # the first step makes an optimizer's state, which it expects whole or not at all
            self.optimizer.state.clear()
        scale = self._scaler.state_dict()
        self._scaler = self._new_scaler()
        if scale:
            self._scaler.load_state_dict(scale)

    def _halve(self, batch: int) -> None:
        smaller = min(self.part_size, batch) // 2
        if smaller < 2:
            raise UserError(
                "out of memory even with two images at a time: use a smaller model or smaller images (--set image_px=…)"
            )
        self._begin_anew()
        if self.placement.device.type == "cuda":
            torch.cuda.empty_cache()
        self.part_size = smaller
        self.model = getattr(self.model, "_orig_mod", self.model)  # a compiled model would be compiled anew
        self._note(f"out of memory: going on with {smaller} images at a time, gradients added up to the same batch")


def _right_answers(logits: Tensor, target: Tensor) -> Tensor:
    labels = target.argmax(1) if target.is_floating_point() else target
    return (logits.argmax(1) == labels).sum()
