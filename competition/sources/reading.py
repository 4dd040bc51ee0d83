"""What a reader of sources is given: what to read, and what the competition wants of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from competition.progress import Progress
from competition.sources.labels import LabelSet
from competition.sources.members import Container
from competition.sources.picture import Shape
from competition.sources.spec import SourceSpec

TABLE_SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a competition wants of its source.

    Attributes:
        labels: its label set.
        shape: what every image becomes; None where the spec has no image shape (a table).
        source: the `source:` part of the spec.
        progress: told how far the reading is.
    """

    labels: LabelSet
    shape: Shape | None
    source: SourceSpec
    progress: Progress


@dataclass(frozen=True, slots=True)
class Reading:
    """One open folder or archive, and what is wanted of it.

    Attributes:
        container: the folder or archive.
        wanted: what the competition wants of it.
        images: the names of its members that are images by their suffix, in its order.
        others: the names of all other members.
    """

    container: Container
    wanted: Wanted
    images: Sequence[str]
    others: Sequence[str]

    @property
    def path(self) -> Path:
        """The folder or archive, for messages."""
        return self.container.path
