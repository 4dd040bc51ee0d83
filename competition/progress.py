"""How long work reports its progress: the library calls, the command line draws."""

from typing import Protocol


class Progress(Protocol):
    """Told about a stage of long work as it goes on."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` units of the stage are finished; the first call of a stage has `done` 0."""


def silent(stage: str, done: int, total: int) -> None:
    """The progress of work nobody watches."""
