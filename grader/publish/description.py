"""A competition's description from Markdown to HTML that cannot run, load or leave anything."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

SUBHEADING = 3  # a description's headings start here: the page's own are h1 and h2


def render_description(markdown: str) -> Markup:
    """Markdown as safe HTML: raw HTML is text, pictures are links, headings fit below the page's own.

    A first heading of level 1 is left out; the page has the title already.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image_as_link)
    parser.add_render_rule("link_open", _link_without_referrer)
    parser.add_render_rule("table_open", lambda *_: '<div class="scroll" tabindex="0"><table>')
    parser.add_render_rule("table_close", lambda *_: "</table></div>")
    environment: EnvType = {}
    tokens = _headings_below(_without_title(parser.parse(markdown, environment)))
    return Markup(parser.renderer.render(tokens, parser.options, environment))


def _without_title(tokens: list[Token]) -> list[Token]:
    is_title = bool(tokens) and tokens[0].type == "heading_open" and tokens[0].tag == "h1"
    return tokens[3:] if is_title else tokens


def _headings_below(tokens: list[Token]) -> list[Token]:
    """Headings moved so that the highest becomes h3, none beyond h6."""
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    shift = SUBHEADING - min(levels, default=SUBHEADING)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
    return tokens


def _image_as_link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """A picture would need the network: its address is a link instead."""
    token = tokens[index]
    link = Token("link_open", "a", 1, attrs={"href": token.attrs.get("src", ""), "rel": "noreferrer noopener"})
    text = renderer.renderInlineAsText(token.children or [], options, env) or str(token.attrs.get("src", ""))
    shown = Token("text", "", 0, content=text)
    return renderer.render([link, shown, Token("link_close", "a", -1)], options, env)


def _link_without_referrer(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    tokens[index].attrSet("rel", "noreferrer noopener")
    return renderer.renderToken(tokens, index, options, env)
