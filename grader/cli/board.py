"""What the commands that show a board share: gathering it from store, rules and bundle."""

from datetime import UTC, datetime
from pathlib import Path

from competition.bundle import read_manifest
from competition.layout import bundle_folder, vault_folder
from competition.rules import RULES_FILE, Rules, load_rules
from grader.leaderboard.board import Board
from grader.leaderboard.gather import gather_board
from grader.leaderboard.ranking import Split
from grader.store import open_store


def rules_in_force(home: Path, data: Path, name: str) -> Rules:
    """The rules that submissions are scored by: the vault's where there is one, else the bundle's."""
    in_vault = vault_folder(home, name) / RULES_FILE
    return load_rules(in_vault if in_vault.is_file() else bundle_folder(data, name) / RULES_FILE)


def boards_of(home: Path, data: Path, store: str | None, rules: Rules, splits: tuple[Split, ...]) -> list[Board]:
    """The boards of a competition as they stand now, one a split."""
    counts = read_manifest(bundle_folder(data, rules.competition))["counts"]
    now = datetime.now(UTC)
    with open_store(home, store) as opened:
        return [gather_board(opened, rules, counts, split, now) for split in splits]
