"""Pages: safe with any name, silent about what is hidden, complete in both languages, readable in both themes."""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from competition.errors import UserError
from competition.rules import MetricRule
from grader.leaderboard.board import Bilingual, Board, FailedSubmission
from grader.metrics.registry import names
from grader.publish.metric_words import METRIC_WORDS
from grader.publish.page import CompetitionPage, _source, competition_html, index_html, without_folders
from grader.publish.words import WORDS

from .conftest import CLOSED, DESCRIPTION, NOON, RULES, TEAMS, a_board, a_closed_page, an_open_page, another_page

HOSTILE = [
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "-->]]><b>",
    "&lt;b&gt;&#60;",
    "\x00\x1b[2J\u202eevil",
    "\ud800",
]


class Structure(HTMLParser):
    """The elements of a page, the names of their attributes, and the text that is not Korean."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.text: list[str] = []
        self._spans: list[bool] = []  # of the open spans, whether they are Korean

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        if tag == "span":
            self._spans.append(("class", "ko") in attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._spans.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._spans):
            self.text.append(data)


def structure(html: str) -> Structure:
    parser = Structure()
    parser.feed(html)
    parser.close()
    return parser


def named(board: Board, name: str) -> Board:
    """The board with every text from outside replaced."""
    return replace(
        board,
        rows=tuple(replace(row, team=name if not row.baseline else row.team) for row in board.rows),
        history=tuple(replace(one, team=name if one.team in TEAMS else one.team) for one in board.history),
        failed=tuple(FailedSubmission(name, one.submitted, name) for one in board.failed),
    )


def html_of(page: CompetitionPage) -> str:
    return competition_html(page, "en", in_collection=False)


def with_name(name: str) -> str:
    title = Bilingual(name, name)
    board = replace(named(a_board(), name), title=title)
    return html_of(CompetitionPage(replace(RULES, labels=(name,)), (board,), DESCRIPTION))


BENIGN = structure(with_name("benign")).elements


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40))
@example("")
def test_no_name_adds_an_element_or_an_attribute(name: str) -> None:
    assert structure(with_name(name)).elements == BENIGN


@pytest.mark.parametrize("name", HOSTILE)
def test_known_attacks_are_text(name: str) -> None:
    html = with_name(name)
    assert structure(html).elements == BENIGN
    assert html.encode("utf-8")
    assert "\x1b" not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_description_adds_no_script_style_or_handler(text: str) -> None:
    markdown = f"## {text}\n\n[x]({text})\n\n![{text}]({text})"
    html = html_of(CompetitionPage(RULES, (a_board(),), Bilingual(text, markdown)))
    page = structure(html)
    tags = [tag for tag, _ in page.elements]
    assert (tags.count("script"), tags.count("style")) == (1, 1)
    assert "img" not in tags
    assert not [name for _, names in page.elements for name in names if name.startswith("on")]
    assert 'href="javascript:' not in html.lower()


def test_an_open_page_holds_no_private_score() -> None:
    html = html_of(an_open_page())
    for score in private_scores():
        assert score not in html


def private_scores() -> Iterator[str]:
    """Every private score of the planted board, cut so that a rounded one is found too."""
    board = a_board("Private")
    yield from (repr(row.score)[:6] for row in board.rows)
    yield from (repr(attempt.score)[:6] for attempt in board.history)


def test_a_closed_page_shows_the_final_board_first() -> None:
    html = html_of(a_closed_page())
    assert html.index('id="board-Private"') < html.index('id="board-Public"')
    assert all(repr(row.score) in html for row in a_board("Private").rows)


@pytest.mark.parametrize("closes", [None, (NOON + timedelta(seconds=1)).isoformat()])
def test_a_private_board_before_the_close_is_refused(closes: str | None) -> None:
    with pytest.raises(UserError, match="stay hidden until the close"):
        CompetitionPage(replace(RULES, closes=closes), (a_board("Private"),), DESCRIPTION)


def test_boards_of_another_competition_are_refused() -> None:
    with pytest.raises(ValueError, match="needs boards"):
        CompetitionPage(replace(RULES, competition="letters"), (a_board(),), DESCRIPTION)
    with pytest.raises(ValueError, match="needs boards"):
        CompetitionPage(RULES, (), DESCRIPTION)


def test_where_files_lie_is_not_told() -> None:
    html = html_of(an_open_page())
    assert "/home/" not in html
    assert "late.csv: 3 ids are missing" in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/tmp/x/late.csv: empty", "late.csv: empty"),
        (r"C:\Users\ada\late.csv: empty", "late.csv: empty"),
        ("cannot read '/srv/a.b/late.csv'", "cannot read 'late.csv'"),
        ("a row is id/label/weight", "a row is id/label/weight"),
        ("wrong delimiter ';' or '\\t'", "wrong delimiter ';' or '\\t'"),
    ],
)
def test_only_folders_are_cut_from_a_reason(text: str, shown: str) -> None:
    assert without_folders(text) == shown


def test_the_policy_allows_this_style_and_script_and_nothing_else() -> None:
    html = html_of(an_open_page())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    style, script = (re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("style", "script"))
    assert policy and style and script
    digests = [b64encode(sha256(part.group(1).encode()).digest()).decode() for part in (style, script)]
    assert policy.group(1).replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_names_no_address_to_load_from() -> None:
    page = structure(html_of(a_closed_page()))
    assert not [(tag, names) for tag, names in page.elements if "src" in names or "style" in names or tag == "link"]


def test_every_phrase_is_in_both_languages() -> None:
    for key, phrase in WORDS.items():
        assert phrase.ko.strip() and phrase.en.strip(), key
        assert set(re.findall(r"{\w+}", phrase.ko)) == set(re.findall(r"{\w+}", phrase.en)), key
        assert phrase.ko.isascii() is False, key


def test_every_phrase_is_used() -> None:
    templates = "".join(_source(f"{name}.html") for name in ("base", "board", "chart", "competition", "index"))
    computed = {"higher", "lower", "Public", "Private"} | {key for key in WORDS if key.startswith("form_")}
    unused = [key for key in WORDS if key not in computed and f'"{key}"' not in templates]
    assert unused == []


def test_every_metric_is_explained_in_both_languages() -> None:
    assert set(METRIC_WORDS) == set(names())
    for words in METRIC_WORDS.values():
        assert words.meaning.ko.isascii() is False
        assert words.meaning.en


def test_a_custom_metric_is_named_and_pointed_at_the_description() -> None:
    rules = replace(RULES, metric=MetricRule("my_metric", {"direction": "lower"}, file="metric.py"))
    html = html_of(CompetitionPage(rules, (a_board(),), DESCRIPTION))
    assert "my metric" in html
    assert "own: its description says" in html
    assert "direction =" not in html


def test_the_page_says_what_is_measured_on_and_by_which_rules() -> None:
    text = " ".join("".join(structure(html_of(an_open_page())).text).split())
    assert "The Public scores here are measured on 3,900 of 7,800 test rows." in text
    assert "5 in any 24 hours" in text
    assert "at most 10:00" in text
    assert "F1 score (average = macro)" in text
    assert "CSV with the columns id, label: one answer a row" in text


def test_a_description_in_one_language_stands_in_for_both() -> None:
    html = html_of(CompetitionPage(RULES, (a_board(),), Bilingual("", "Only English")))
    assert html.count('lang="en">\n<p>Only English') + html.count('lang="en"><p>Only English') == 2


def test_boards_of_no_one_and_five_hundred_rows_become_pages() -> None:
    board = a_board()
    empty = replace(board, rows=(), history=(), failed=())
    assert "No submission has a score yet" in html_of(CompetitionPage(RULES, (empty,), DESCRIPTION))
    one = replace(board, rows=board.rows[:1], history=board.history[:1])
    assert html_of(CompetitionPage(RULES, (one,), DESCRIPTION)).count('<th scope="row"') == 1
    row = board.rows[0]
    many = replace(board, rows=tuple(replace(row, rank=rank, team=f"team {rank}") for rank in range(1, 501)))
    assert html_of(CompetitionPage(RULES, (many,), DESCRIPTION)).count('<th scope="row"') == 500


def test_the_list_of_competitions_links_to_a_folder_each() -> None:
    html = index_html([an_open_page(), another_page()], "ko")
    assert 'href="fontchar/index.html"' in html
    assert 'href="b/index.html"' in html
    assert '<html lang="ko"' in html
    assert "There is no competition yet." in index_html([], "en")


def test_closing_times_are_shown() -> None:
    html = html_of(a_closed_page())
    assert f"{CLOSED:%Y-%m-%d %H:%M} UTC" in html
    assert "Closed" in html


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *[(ink, ground, 4.5) for ink in ("ink", "soft", "accent", "good", "bad") for ground in ("paper", "raised")],
        *[("on-medal", medal, 4.5) for medal in ("gold", "silver", "bronze")],
        *[(f"s{index}", "paper", 4.5) for index in range(5)],  # rank labels in these colours are text
    ],
)
def test_colours_have_the_contrast_of_wcag_aa(theme: int, ink: str, ground: str, least: float) -> None:
    colours = dict(re.findall(r"--([\w-]+):\s*light-dark\(([^)]*)\)", _source("site.css")))
    assert contrast(colours[ink].split(",")[theme], colours[ground].split(",")[theme]) >= least
