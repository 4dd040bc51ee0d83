"""Boards for machines: JSON with everything in full precision, CSV for a spreadsheet."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from grader.leaderboard.board import Board, BoardRow, bounds, legible

FORMAT = 1
COLUMNS = (
    "split", "rank", "team", "score", "low_95", "high_95", "standard_error", "submissions",
    "last_submission", "run_seconds", "movement", "baseline",
)  # fmt: skip
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV injection


def boards_json(boards: Sequence[Board]) -> str:
    """The boards of one competition as a JSON document; numbers in full precision, times in UTC."""
    first = boards[0]
    document = {
        "format": FORMAT,
        "competition": first.competition,
        "title": first.title._asdict(),
        "metric": first.metric,
        "direction": first.direction,
        "budget_seconds": first.budget_seconds,
        "generated": first.generated.isoformat(),
        "boards": [_board(board) for board in boards],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def boards_csv(boards: Sequence[Board]) -> str:
    """The rows of the boards as CSV, a row an entry.

    A team name that a spreadsheet would run as a formula gets an apostrophe in front; the JSON has it as it is.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for board in boards:
        for row in board.rows:
            name = legible(row.team)
            safe = f"'{name}" if name.startswith(FORMULA_STARTS) else name
            writer.writerow(_row(row) | {"split": board.split, "team": safe})
    return text.getvalue()


def _board(board: Board) -> dict[str, Any]:
    return {
        "split": board.split,
        "split_rows": board.split_rows,
        "test_rows": board.test_rows,
        "rows": [_row(row) | {"displayed": shown} for row, shown in zip(board.rows, board.displayed, strict=True)],
        "failed": [
            {"team": legible(one.team), "submitted": one.submitted.isoformat()} for one in board.failed
        ],
    }  # fmt: skip


def _row(row: BoardRow) -> dict[str, Any]:
    low, high = bounds(row) or (None, None)
    return {
        "rank": row.rank,
        "team": legible(row.team),
        "score": row.score,
        "low_95": low,
        "high_95": high,
        "standard_error": row.standard_error,
        "submissions": row.submissions,
        "last_submission": row.last_submission.isoformat(),
        "run_seconds": row.run_seconds,
        "movement": row.movement,
        "baseline": row.baseline,
    }
