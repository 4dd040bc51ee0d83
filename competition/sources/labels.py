"""From the classes a source knows to the labels of the spec."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from competition.errors import BadInputError

# Character classes as folder names, which cannot tell `a` from `A` on every file system.
CHARACTER_FOLDER = re.compile(r"(?:DIGIT|CAP|SMALL|UPPER|LOWER)_(\w)")
FEWEST_A_CLASS = 2  # one to train on, one to test on


class LabelSet:
    """Finds the label of a class of the source: by its text, by its character, and whatever its case
    where no two labels differ by case alone.

    An empty label set takes every class as it is (the targets of a regression).
    """

    def __init__(self, labels: Sequence[str], other_classes: Literal["refuse", "drop"] = "refuse") -> None:
        self.labels = tuple(labels)
        self.other_classes = other_classes
        self._exact = frozenset(labels)
        folded = {label.casefold(): label for label in labels}
        # Where `A` and `a` are two labels, case tells classes apart, and a small `c` is no `C`.
        self._folded = folded if len(folded) == len(self.labels) else {}
        self._known: dict[str, str | None] = {}

    def label_of(self, class_name: str, source: Path, item: str) -> str | None:
        """The label of a class; None where the class is outside the label set and the spec drops such items.

        Args:
            class_name: the class as the source writes it.
            source: where the item comes from, for the message.
            item: the name of the item there.

        Raises:
            BadInputError: the class is outside the label set and the spec does not say what to do.
        """
        if class_name not in self._known:
            self._known[class_name] = self._find(class_name)
        label = self._known[class_name]
        if label is None and self.other_classes == "refuse":
            problem = f"class {class_name!r} is not in the label set{self._hint(class_name)}"
            raise BadInputError(f"{source}: {item}: {problem}")
        return label

    def label_at(self, index: int, where: str) -> str:
        """The label at a position of the label set, for sources that number their classes.

        Raises:
            BadInputError: the label set has no such position.
        """
        if not 0 <= index < len(self.labels):
            raise BadInputError(f"{where}: class number {index} with a label set of {len(self.labels)}")
        return self.labels[index]

    def refuse_small_classes(self, labels: Sequence[str], where: str) -> None:
        """Every label of the set must have items enough for a train and a test part.

        Raises:
            BadInputError: naming the first label that has too few.
        """
        counts = Counter(labels)
        for label in self.labels:
            if counts[label] < FEWEST_A_CLASS:
                found = f"has {counts[label] or 'no'} item{'' if counts[label] else 's'}"
                raise BadInputError(
                    f"{where}: class {label!r} {found}; each class needs {FEWEST_A_CLASS} or more: "
                    "add items or take the class out of `labels` in competition.yaml"
                )

    def _find(self, class_name: str) -> str | None:
        if not self.labels or class_name in self._exact:
            return class_name
        character = CHARACTER_FOLDER.fullmatch(class_name)
        name = character[1] if character else class_name
        return name if name in self._exact else self._folded.get(name.casefold())

    def _hint(self, class_name: str) -> str:
        near = get_close_matches(class_name, self.labels, n=1)
        drop = "or let the spec drop such items (source: other_classes: drop)"
        return f"; did you mean {near[0]!r}? Rename it, {drop}" if near else f"; add it to `labels`, {drop}"
