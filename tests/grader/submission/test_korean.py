"""Each problem that a submission can have is explained in Korean, and nothing else is."""

import ast
import re
from pathlib import Path

from grader.submission.korean import KOREAN

GRADER = Path(__file__).resolve().parents[3] / "grader"
MAKERS = {"Problem", "UnreadableError", "problem"}


def codes() -> set[str]:
    """The codes that the grader's own code gives to problems; that of a list's kind is put together there."""
    found = {"wrong_mask", "wrong_ranking"}
    for path in GRADER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "func", None)
            maker = name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else ""
            if maker in MAKERS and isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


def test_every_code_and_no_other_is_explained():
    assert set(KOREAN) == codes()


def test_explanations_are_sentences_of_one_line_in_korean():
    for text in KOREAN.values():
        assert re.search("[가-힣]", text)
        assert text.endswith(("다.", "요."))
        assert "\n" not in text and len(text) < 80
