"""The image that a cell of a table means: by its path, by its file name or by its name without a suffix."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

from competition.errors import BadInputError
from competition.sources.members import Container, Member
from competition.sources.picture import SUFFIXES


class NamedImages:
    """The images of a folder or an archive as the cells of one of its tables name them.

    A path counts from the table's folder or from the root. A bare name may lie in any folder; of several the one
    whose folder is called after the table (`train/1.png` for `train.csv`) is meant.
    """

    def __init__(self, container: Container, table: Member) -> None:
        self.container = container
        self._folder, _, base_name = table.name.rpartition("/")
        self._part = base_name.partition(".")[0].lower()

    def find(self, cell: str) -> Member | None:
        """The image that a cell names; None where there is none, or where several could be meant."""
        name = cell.removeprefix("./")
        for path in (f"{self._folder}/{name}" if self._folder else name, name):
            if member := self.container.find(path):
                return member
        found = self._by_name.get(name.rpartition("/")[2], [])
        if len(found) > 1:
            found = [member for member in found if self._is_of_part(member)]
        return found[0] if len(found) == 1 else None

    def has(self, cells: Sequence[str | None]) -> bool:
        """Whether every cell is the bare name of an image, in whatever folder."""
        return all(cell is not None and cell in self._by_name for cell in cells)

    def named(self, cell: str | None, where: str) -> Member:
        """The image that a cell names.

        Raises:
            BadInputError: there is none, or several could be meant.
        """
        member = self.find(cell) if cell else None
        if member is None:
            raise BadInputError(f"{self.container.path}: {where}: no image {cell!r} in the source, or several")
        return member

    @cached_property
    def _by_name(self) -> dict[str, list[Member]]:
        """The images by file name, with and without suffix."""
        found: dict[str, list[Member]] = defaultdict(list)
        for path, member in self.container.members.items():
            base_name = path.rpartition("/")[2]
            if base_name.lower().endswith(SUFFIXES):
                found[base_name].append(member)
                found[base_name.rpartition(".")[0]].append(member)
        return dict(found)

    def _is_of_part(self, member: Member) -> bool:
        return any(folder.lower().startswith(self._part) for folder in member.name.split("/")[:-1])
