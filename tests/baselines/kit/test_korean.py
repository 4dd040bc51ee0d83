"""Each finding of a diagnosis is explained in Korean, and nothing else is."""

import ast
import re
from pathlib import Path

from baselines.kit import diagnosis
from baselines.kit.korean import KOREAN


def test_every_illness_and_no_other_is_explained():
    found = set()
    for node in ast.walk(ast.parse(Path(diagnosis.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
            found.add(ast.literal_eval(node.args[0]))
    assert set(KOREAN) == found


def test_explanations_are_sentences_in_korean():
    for text in KOREAN.values():
        assert re.search("[가-힣]", text)
        assert text.endswith(("다.", "요."))
