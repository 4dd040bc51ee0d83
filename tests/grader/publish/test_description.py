"""Descriptions: Markdown in, harmless HTML out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.publish.description import render_description


def test_headings_fit_below_the_page_and_the_title_is_left_out() -> None:
    assert render_description("# Title\n\n## Data\n\n### Files") == "<h3>Data</h3>\n<h4>Files</h4>\n"


def test_raw_html_is_text() -> None:
    assert "&lt;script&gt;" in render_description("<script>alert(1)</script>")


def test_a_picture_becomes_a_link() -> None:
    html = render_description("![a < b](https://example.org/x.png)")
    assert html == '<p><a href="https://example.org/x.png" rel="noreferrer noopener">a &lt; b</a></p>\n'


@pytest.mark.parametrize("address", ["javascript:alert(1)", "vbscript:x", "data:text/html,<b>", "file:///etc/passwd"])
def test_an_address_that_could_do_harm_is_no_link(address: str) -> None:
    html = render_description(f"[x]({address}) <{address}>")
    assert "href" not in html


def test_a_table_can_be_scrolled_with_the_keyboard() -> None:
    assert '<div class="scroll" tabindex="0"><table>' in render_description("|a|\n|-|\n|1|")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("<>\"'&[]()!#`*_|-\n:/ abjs=")), max_size=80))
def test_nothing_but_the_markdown_elements_comes_out(text: str) -> None:
    html = render_description(text)
    assert "<script" not in html
    assert "<img" not in html
    assert "<style" not in html
    assert 'href="javascript:' not in html
