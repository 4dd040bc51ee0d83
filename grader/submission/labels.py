"""The label set of a competition: label texts to codes, by text or by number as the rules say."""

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from competition.rules import Rules
from grader.submission.columns import TextColumn
from grader.submission.floats import parse_floats
from grader.submission.index import TextIndex

Codes = NDArray[np.int32]


class LabelSet:
    """The labels of the rules; the code of a label is its position among them.

    Labels keep their text: `1`, `1.0` and `True` are three labels. Where the rules say `label_matching: number`, a cell
    that is no label by its text is the label that is the same floating-point number: `0`, `0.0` and `00` are one label.

    Raises:
        BadInputError: the rules name no label, or one label twice.
    """

    def __init__(self, rules: Rules):
        if not rules.labels:
            raise BadInputError("the rules have no label set; run `grader prepare` again")
        column = TextColumn.from_texts(rules.labels)
        self._index = TextIndex(column)
        values = parse_floats(column)[0] if rules.label_matching == "number" else np.empty(0)
        numeric = np.count_nonzero(~np.isnan(values))
        self._codes = np.argsort(values, kind="stable")[:numeric].astype(np.int32)
        self._numbers = values[self._codes]  # the labels that are numbers, ascending
        same = self._codes[1:][np.diff(self._numbers) == 0]
        for code in (*self._index.duplicates(), *same):
            raise BadInputError(f"the rules name the label {rules.labels[code]!r} twice; run `grader prepare` again")

    def find(self, cells: TextColumn) -> Codes:
        """The code of each cell (N int32), -1 where it is no label."""
        codes = self._index.find(cells)
        if len(self._numbers):
            others = np.flatnonzero(codes < 0)
            values, _ = parse_floats(cells[others])
            nearest = np.minimum(np.searchsorted(self._numbers, values), len(self._numbers) - 1)
            codes[others] = np.where(self._numbers[nearest] == values, self._codes[nearest], np.int32(-1))
        return codes
