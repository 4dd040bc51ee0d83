"""Writing a site in one step: a folder that opens from disk, with the boards as data beside the pages."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from competition.durable import folder_aside, put_folder, told_in_one_line
from competition.errors import UserError
from grader.publish.machine import boards_csv, boards_json
from grader.publish.page import CompetitionPage, competition_html, index_html
from grader.settings import Language

SITE_FILE = "site.json"  # names every file of the site: how a later run knows what it may replace


def publish(pages: Sequence[CompetitionPage], out: Path, language: Language = "en") -> Path:
    """Write the site of these competitions to the folder `out` and give the path of the page to open first.

    One competition has its page at `index.html`; several have a folder each and a list at `index.html`. A site that
    was there is replaced as a whole, in one step; readers see the old one or the new one.

    Raises:
        UserError: `out` holds files that are not from an earlier run, or cannot be written.
    """
    files = site_files(pages, language)
    target = out.resolve()
    with told_in_one_line(out):
        _refuse_to_lose_files(target, out)
        with folder_aside(target) as aside:
            for name, content in files.items():
                path = aside / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(content, encoding="utf-8", newline="")
            put_folder(aside, target)
    return out / "index.html"


def site_files(pages: Sequence[CompetitionPage], language: Language = "en") -> Mapping[str, str]:
    """Every file of a site by its path in it."""
    files: dict[str, str] = {}
    several = len(pages) != 1
    for page in pages:
        folder = f"{page.name}/" if several else ""
        files[f"{folder}index.html"] = competition_html(page, language, in_collection=several)
        files[f"{folder}board.json"] = boards_json(page.boards)
        files[f"{folder}board.csv"] = boards_csv(page.boards)
    if several:
        files["index.html"] = index_html(pages, language)
    files[SITE_FILE] = json.dumps({"format": 1, "files": sorted([*files, SITE_FILE])}, indent=1) + "\n"
    return files


def _refuse_to_lose_files(target: Path, out: Path) -> None:
    """Only what an earlier run wrote may be replaced."""
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{out}: is a file; name a folder for the site")
    theirs = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    foreign = sorted(theirs - _written_before(target))
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise UserError(f"{out}: holds {foreign[0]}{more}, which is no part of a published site; choose another folder")


def _written_before(target: Path) -> set[str]:
    try:
        files = json.loads((target / SITE_FILE).read_bytes())["files"]
        return {name for name in files if isinstance(name, str)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
