"""Several processes that train one model, one a GPU: who this process is, and how they agree. Imports no torch."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from competition.errors import UserError


@dataclass(frozen=True, slots=True)
class Ranks:
    """The place of this process among those that torchrun started; alone where it started none."""

    rank: int = 0
    count: int = 1
    local: int = 0  # number of this process on its machine, and of its GPU

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "Ranks":
        """What torchrun set.

        Raises:
            UserError: a variable is no number.
        """
        try:
            rank, count, local = (
                int(environment.get(name, default))
                for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
            )
        except ValueError:
            raise UserError("RANK, WORLD_SIZE and LOCAL_RANK must be whole numbers: start with torchrun") from None
        return cls(rank, count, local)

    @property
    def is_first(self) -> bool:
        """Whether this process plans, writes the files and talks."""
        return self.rank == 0

    @property
    def are_several(self) -> bool:
        """Whether there are others."""
        return self.count > 1

    @contextmanager
    def output_folder(self, out: Path) -> Iterator[Path]:
        """`out` for the first process; for each other one a folder that is thrown away."""
        if self.is_first:
            yield out
            return
        with tempfile.TemporaryDirectory(prefix=f"rank-{self.rank}-") as folder:
            yield Path(folder)
