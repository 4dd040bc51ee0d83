"""From boards to HTML: one page a competition, and the list of competitions, each a single file without a request."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from competition.errors import UserError
from competition.rules import MetricRule, Rules
from grader.leaderboard.board import Bilingual, Board, bounds, duration, legible, rounded
from grader.publish.charts import NARROW, WIDE, budget_chart, progress_chart
from grader.publish.description import render_description
from grader.publish.metric_words import metric_words
from grader.publish.words import WORDS
from grader.settings import Language

MOST_LABELS = 120
FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][^\\/\s'\":;,]+)+(?=[\\/])[\\/]")


@dataclass(frozen=True, slots=True)
class CompetitionPage:
    """What the page of a competition is made of.

    Raises:
        ValueError: no board, or boards of another competition than the rules.
        UserError: a Private board although the competition is not closed when the board was made.
    """

    rules: Rules
    boards: tuple[Board, ...]  # in the order shown
    description: Bilingual  # Markdown; where one language is empty the other stands in

    def __post_init__(self) -> None:
        if not self.boards or {board.competition for board in self.boards} != {self.rules.competition}:
            raise ValueError(f"the page of {self.rules.competition} needs boards of that competition")
        for board in self.boards:
            if board.split == "Private" and not _is_past(self.closes, board.generated):
                when = f"closes {self.rules.closes}" if self.closes else "has no closing time"
                raise UserError(
                    f"{self.rules.competition}: Private scores stay hidden until the close, and it {when}; "
                    "publish the Public board, or set `closes` and prepare again"
                )

    @property
    def name(self) -> str:
        """The competition's name, and its folder in a site of several."""
        return self.rules.competition

    @property
    def closes(self) -> datetime | None:
        """When the competition closes."""
        return _moment(self.rules.closes)


def competition_html(page: CompetitionPage, language: Language, *, in_collection: bool) -> str:
    """The page of one competition.

    Args:
        page: its content.
        language: the language first shown where the reader's browser asks for neither.
        in_collection: whether a list of competitions lies one folder up.
    """
    board, rules = page.boards[0], page.rules
    return _environment().get_template("competition.html").render(
        _frame(language, _page_title(board), board.generated),
        board=board,
        boards=page.boards,
        rules=rules,
        in_collection=in_collection,
        metric=metric_words(rules.metric),
        options=_options,
        description=Bilingual(*(render_description(text) for text in page.description)),
        progress=[chart for size in (WIDE, NARROW) if (chart := progress_chart(board, size))],
        budget=[chart for size in (WIDE, NARROW) if (chart := budget_chart(board, size))],
        opens=_moment(rules.opens),
        closes=page.closes,
        is_closed=_is_past(page.closes, board.generated),
        most_labels=MOST_LABELS,
    )  # fmt: skip


def index_html(pages: Sequence[CompetitionPage], language: Language) -> str:
    """The list of competitions, linking to a folder each."""
    generated = max((page.boards[0].generated for page in pages), default=datetime.now(UTC))
    template = _environment().get_template("index.html")
    return template.render(_frame(language, WORDS["competitions"], generated), pages=pages)


def without_folders(text: str) -> str:
    """A line with every path in it reduced to the file's name: where files lie is nobody's business.

    >>> without_folders("/home/ada/grader/late.csv: empty file")
    'late.csv: empty file'
    """
    return FOLDERS.sub("", text)


def _frame(language: Language, title: Bilingual, generated: datetime) -> Mapping[str, Any]:
    style, script = _source("site.css"), _source("site.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return {
        "language": language,
        "page_title": title._asdict(),
        "generated": generated,
        "style": Markup(style),
        "script": Markup(script),
        "policy": policy,
    }


def _page_title(board: Board) -> Bilingual:
    names = zip(board.title, WORDS["leaderboard"], strict=True)
    return Bilingual(*(f"{legible(title)} · {word}" for title, word in names))


def _options(rule: MetricRule) -> str:
    """The options of a metric for a reader: ` (average = macro)`; nothing where there are none."""
    listed = ", ".join(f"{name} = {value}" for name, value in rule.options.items() if name != "direction")
    return f" ({listed})" if listed else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bounds": bounds,
        "duration": duration,
        "exact": repr,
        "legible": legible,
        "reason": lambda text: without_folders(legible(text)),
        "rounded": rounded,
    }
    environment.globals |= {
        "bounds": bounds,
        "both": _both,
        "code": lambda text: Markup("<code>{}</code>").format(text),
        "metric_words": metric_words,
        "moment": _time,
        "strong": lambda text: Markup("<strong>{}</strong>").format(text),
        "svg_text": lambda key: _both(WORDS[key], "tspan"),
        "t": lambda key, **values: _both(Bilingual(*(Markup(text).format(**values) for text in WORDS[key]))),
    }
    return environment


def _both(text: Bilingual, tag: str = "span") -> Markup:
    """A text in both languages, of which the style sheet shows one."""
    shown = (one if isinstance(one, Markup) else legible(one) for one in text)
    span = Markup('<{tag} class="{language}" lang="{language}">{text}</{tag}>')
    languages = zip(text._fields, shown, strict=True)
    return Markup("").join(span.format(tag=tag, language=language, text=one) for language, one in languages)


def _time(moment: datetime, form: Literal["medium", "short"] = "medium") -> Markup:
    """A moment in UTC; the script turns it into local time, in the short form without the year."""
    utc = moment.astimezone(UTC)
    element = '<time datetime="{:%Y-%m-%dT%H:%M:%SZ}" data-form="{}">{:%Y-%m-%d %H:%M} UTC</time>'
    return Markup(element).format(utc, form, utc)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


@cache
def _source(name: str) -> str:
    environment = _environment()
    assert environment.loader is not None  # set above; for the type checker
    return environment.loader.get_source(environment, name)[0]


def _digest(content: str) -> str:
    """The content as a Content-Security-Policy names it."""
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
