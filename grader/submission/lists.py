"""Cells that hold a list: run-length masks and rankings of labels."""

from grader.submission.problems import shown


def wrong_mask(text: str) -> str | None:
    """Why a text is no run-length mask, in words; None if it is one. The empty text is the empty mask."""
    numbers = text.split()
    if not all(number.isascii() and number.isdigit() and len(number) < 19 for number in numbers):
        return "holds something else than whole numbers"
    if len(numbers) % 2:
        return "has a start without a length"
    end = 0
    for start, length in zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=True):
        if start <= 0 or length <= 0:
            return "has a start or a length of 0"
        if start <= end:
            return "has runs that overlap or do not ascend"
        end = start + length - 1
    return None


def wrong_ranking(text: str, labels: frozenset[str]) -> str | None:
    """Why a text is no ranking of labels separated by spaces, in words; None if it is one."""
    ranked = text.split()
    if not ranked:
        return "is empty"
    if labels and (other := next((label for label in ranked if label not in labels), None)) is not None:
        return f"names {shown(other)}, which is no label"
    return "names a label twice" if len(set(ranked)) < len(ranked) else None
