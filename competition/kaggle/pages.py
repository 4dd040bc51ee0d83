"""A description in the order of the pages of a Kaggle competition: Overview, Data and Rules."""

import re

HEADING = re.compile(r"## +(?P<title>.+?)\s*#*\s*")
FENCE = "```"

# Where each section goes; one that is not named here becomes a page of its own in the Overview.
DATA_SECTIONS = frozenset({"data", "데이터", "자료"})
RULES_SECTIONS = frozenset({"rules", "규칙"})


def kaggle_pages(description: str) -> str:
    """The description with its sections below the tabs that Kaggle shows them in, each ready to be copied.

    Example:
        >>> print(kaggle_pages("# T\\n\\n## Data\\n\\nd\\n\\n## Evaluation\\n\\ne\\n"))
        # T
        <BLANKLINE>
        ## Overview
        <BLANKLINE>
        ### Evaluation
        <BLANKLINE>
        e
        <BLANKLINE>
        ## Data
        <BLANKLINE>
        d
        <BLANKLINE>
    """
    head, sections = _sections(description)
    overview = [f"### {title}\n\n{text}" for title, text in sections if _tab(title) == "Overview"]
    tabs = {"Overview": overview, "Data": [], "Rules": []}
    for title, text in sections:
        if (tab := _tab(title)) != "Overview":
            tabs[tab].append(text)
    parts = [head, *(f"## {tab}\n\n" + "\n\n".join(texts) for tab, texts in tabs.items() if texts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tab(title: str) -> str:
    plain = title.strip().casefold()
    return "Data" if plain in DATA_SECTIONS else "Rules" if plain in RULES_SECTIONS else "Overview"


def _sections(description: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first heading of level 2, and each section with its title."""
    head: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    fenced = False
    for line in description.splitlines():
        fenced ^= line.lstrip().startswith(FENCE)
        if not fenced and (heading := HEADING.fullmatch(line)):
            sections.append((heading["title"], []))
        else:
            (sections[-1][1] if sections else head).append(line)
    return "\n".join(head).strip(), [(title, "\n".join(lines).strip()) for title, lines in sections]
