"""The page in a real browser, opened from disk: it works, asks nobody for anything and can be used by everyone."""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from grader.leaderboard.board import BoardRow
from grader.publish.site import publish
from tests.conftest import missing, required

from .conftest import NOON, TEAMS, a_board, a_closed_page, an_open_page, another_page

playwright = required("playwright.sync_api")

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

pytestmark = pytest.mark.browser


@dataclass
class Visit:
    """An open page, with every request it made and every error it reported."""

    page: playwright.Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def column(self, selector: str, board: str = "#board-Public") -> list[str]:
        return self.page.locator(f"{board} tbody {selector}").all_inner_texts()

    def teams(self) -> list[str]:
        return self.page.locator("#board-Public tbody tr:visible .team bdi").all_inner_texts()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    if CHROMIUM is None:
        missing("Chromium is not installed")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sites of an open, a closed, an empty, a large and several competitions."""
    folder = tmp_path_factory.mktemp("sites")
    board = a_board()
    rows = tuple(BoardRow(rank, f"team {rank}", 1 - rank / 1000, 1, NOON, 0.004) for rank in range(1, 501))
    publish([an_open_page()], folder / "open")
    publish([a_closed_page()], folder / "closed")
    publish([replace(an_open_page(), boards=(replace(board, rows=(), history=(), failed=()),))], folder / "empty")
    publish([replace(an_open_page(), boards=(replace(board, rows=rows),))], folder / "large")
    publish([an_open_page(), another_page()], folder / "several")
    return folder


@pytest.fixture
def visit(browser: playwright.Browser, sites: Path, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """The page of the site that the test names, English and 1280 px wide unless it says otherwise."""
    marker = request.node.get_closest_marker("parametrize")
    wanted = request.param if marker and hasattr(request, "param") else {}
    settings = {"locale": "en-US", "timezone_id": "Asia/Seoul", "viewport": {"width": 1280, "height": 900}, **wanted}
    site = settings.pop("site", "open")
    context = browser.new_context(**settings)
    opened = Visit(context.new_page())
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("console", lambda message: opened.errors.append(message.text))
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on("dialog", lambda dialog: opened.errors.append(f"dialog {dialog.message}"))
    opened.page.goto((sites / site / "index.html").as_uri())
    yield opened
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith("file://")] == []
    context.close()


SITES = ["open", "closed", "empty", "large", "several"]


@pytest.mark.parametrize("visit", [{"site": site} for site in SITES], indirect=True, ids=SITES)
def test_a_page_loads_itself_and_nothing_else(visit: Visit) -> None:
    visit.page.wait_for_timeout(100)
    assert len(visit.requests) == 1


@pytest.mark.parametrize("visit", [{"site": site} for site in SITES], indirect=True, ids=SITES)
def test_nothing_sticks_out_at_the_side(visit: Visit) -> None:
    for language in ("en", "ko"):
        visit.page.locator(f"[data-set-language={language}]").click()
        for width in (320, 360, 768, 1280):
            visit.page.set_viewport_size({"width": width, "height": 700})
            visit.page.wait_for_function("width => innerWidth === width", arg=width)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_click_on_a_head_sorts_and_a_second_one_turns_it_round(visit: Visit) -> None:
    first = visit.teams()
    assert first[0] == TEAMS[0]
    score = visit.page.get_by_role("columnheader", name="Score").first
    score.get_by_role("button").click()
    assert score.get_attribute("aria-sort") == "descending"
    assert visit.teams() == first
    score.get_by_role("button").click()
    assert score.get_attribute("aria-sort") == "ascending"
    assert visit.teams() == first[::-1]


def test_the_keyboard_sorts_too(visit: Visit) -> None:
    team = visit.page.get_by_role("columnheader", name="Team")
    team.get_by_role("button").focus()
    visit.page.keyboard.press("Enter")
    assert team.get_attribute("aria-sort") == "ascending"
    names = visit.teams()
    assert names.index("aaaaa" + "a" * 85) < names.index("Kernel Panic") < names.index("밤샘 코딩")


def test_a_row_without_a_rank_or_a_time_sorts_to_the_end_both_ways(visit: Visit) -> None:
    for column in ("Rank", "Run time"):
        button = visit.page.get_by_role("columnheader", name=column).get_by_role("button")
        for _ in range(2):
            button.click()
            assert visit.teams()[-1] == "sample_submission"


def test_scores_sort_by_full_precision(visit: Visit, sites: Path) -> None:
    visit.page.get_by_role("columnheader", name="Score").first.get_by_role("button").click()
    shown = visit.page.locator("#board-Public td.score").evaluate_all(
        "cells => cells.map(c => Number(c.dataset.value))"
    )
    with (sites / "open" / "board.csv").open(encoding="utf-8", newline="") as file:
        assert shown == sorted((float(row["score"]) for row in csv.DictReader(file)), reverse=True)


@pytest.mark.parametrize("visit", [{"site": "large"}], indirect=True)
def test_a_team_is_found_among_five_hundred(visit: Visit) -> None:
    field = visit.page.get_by_label("Find a team")
    field.fill("TEAM 499")
    assert visit.teams() == ["team 499"]
    field.fill("nobody")
    assert visit.teams() == []
    assert visit.page.get_by_role("status").inner_text() == "No team has this name."
    field.fill("")
    assert len(visit.teams()) == 500


def remembered_after_reload(visit: Visit, heading: str) -> bool:
    """Whether a page opened anew shows the heading; the browser writes what a page stores when it finds the time."""
    for _ in range(50):
        visit.page.reload()
        if visit.page.locator("h1").inner_text() == heading:
            return True
        visit.page.wait_for_timeout(100)
    return False


def test_the_language_switch_turns_every_phrase(visit: Visit) -> None:
    heading = visit.page.locator("h1")
    assert heading.inner_text() == "English characters"
    korean = visit.page.get_by_role("button", name="한국어")
    korean.click()
    assert heading.inner_text() == "여러 글꼴의 영문자"
    assert visit.page.locator("html").get_attribute("lang") == "ko"
    assert visit.page.title() == "여러 글꼴의 영문자 · 리더보드"
    assert korean.get_attribute("aria-pressed") == "true"
    assert "회색 그림" in visit.page.locator("#about").inner_text()
    assert "Gray pictures" not in visit.page.locator("#about").inner_text()
    assert remembered_after_reload(visit, "여러 글꼴의 영문자")


@pytest.mark.parametrize("visit", [{"locale": "ko-KR"}], indirect=True)
def test_a_korean_browser_gets_korean_and_its_own_time_zone(visit: Visit) -> None:
    assert visit.page.locator("h1").inner_text() == "여러 글꼴의 영문자"
    assert "2026. 3. 2. 오후 9:00" in visit.page.locator("footer").inner_text()


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
def test_without_script_the_board_is_there_in_one_language(visit: Visit) -> None:
    assert visit.page.locator("h1").inner_text() == "English characters"
    assert visit.teams()[0] == TEAMS[0]
    assert visit.page.locator(".controls").is_hidden()
    assert "2026-03-02 12:00 UTC" in visit.page.locator("footer").inner_text()


@pytest.mark.parametrize("visit", [{"site": "closed", "java_script_enabled": False}], indirect=True)
def test_without_script_both_boards_are_there(visit: Visit) -> None:
    assert visit.page.locator("#board-Public").is_visible()
    assert visit.page.locator("#board-Private").is_visible()


@pytest.mark.parametrize("visit", [{"site": "closed"}], indirect=True)
def test_tabs_change_between_final_and_public_board(visit: Visit) -> None:
    private, public = (visit.page.get_by_role("tab", name=name) for name in ("Private", "Public"))
    assert visit.page.locator("#board-Private").is_visible()
    assert visit.page.locator("#board-Public").is_hidden()
    private.focus()
    visit.page.keyboard.press("ArrowRight")
    assert public.get_attribute("aria-selected") == "true"
    assert visit.page.locator("#board-Public").is_visible()
    assert visit.page.locator("#board-Private").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_the_switch(browser: playwright.Browser, sites: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, locale="en-US")
    page = context.new_page()
    page.goto((sites / "open" / "index.html").as_uri())
    ground = "getComputedStyle(document.body).backgroundColor"
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 19, 23)"}
    assert page.evaluate(ground) == colours[scheme]
    page.get_by_role("button", name="Light / dark").click()
    assert page.evaluate(ground) == colours["dark" if scheme == "light" else "light"]
    context.close()


def test_hostile_names_are_shown_as_they_are(visit: Visit) -> None:
    assert "<img src=x onerror=alert(1)>" in visit.teams()
    assert visit.page.locator("main img").count() == 0


def test_everything_that_can_be_used_has_a_name(visit: Visit) -> None:
    for role in ("button", "link", "textbox", "img", "table", "navigation", "region", "tab"):
        for element in visit.page.get_by_role(role).all():
            assert element.aria_snapshot().split("\n")[0].count('"') >= 2, f"a {role} has no name"


def test_the_table_says_what_it_is(visit: Visit) -> None:
    assert visit.page.get_by_role("table", name="Leaderboard, Public").count() == 1
    assert visit.page.get_by_role("rowheader").count() == len(TEAMS) + 1
    assert visit.page.get_by_role("img", name="Best score so far").count() == 1


def test_a_failed_submission_opens_and_has_no_rank(visit: Visit) -> None:
    visit.page.locator("details.failed summary").click()
    assert "late.csv: 3 ids are missing" in visit.page.locator("details.failed").inner_text()
    assert visit.page.locator("details.failed .rank").count() == 0


def test_print_hides_the_controls_and_is_dark_on_white(browser: playwright.Browser, sites: Path) -> None:
    context = browser.new_context(color_scheme="dark", locale="en-US")
    page = context.new_page()
    page.goto((sites / "open" / "index.html").as_uri())
    page.emulate_media(media="print")
    assert page.locator(".controls").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()


@pytest.mark.parametrize("visit", [{"site": "several"}], indirect=True)
def test_the_list_leads_to_a_board_and_back(visit: Visit) -> None:
    visit.page.get_by_role("link", name="English characters").first.click()
    visit.page.locator("#board-Public .team bdi").first.wait_for()
    assert visit.teams()[0] == TEAMS[0]
    visit.page.get_by_role("link", name="All competitions").click()
    assert visit.page.locator("h1").inner_text() == "Competitions"
