"""The descriptions of the five competitions say what their specs say, in both languages."""

import re

import pytest

from competition.catalog import find

SECTIONS = {
    "en": ["Description", "Evaluation", "Rules", "Random seed", "Model summary", "Data"],
    "ko": ["설명", "평가", "규칙", "랜덤 시드", "모델 요약", "데이터"],
}
NAMES = ["cifar10", "fashion_mnist", "fontchar", "letters", "stl10"]


def lines(name: str, language: str) -> list[str]:
    return (find(name).folder / f"description.{language}.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_section_is_there_under_the_title_of_the_spec(name: str, language: str) -> None:
    text = lines(name, language)
    assert text[0] == f"# {getattr(find(name).spec.title, language)}"
    assert [line.removeprefix("## ") for line in text if line.startswith("## ")] == SECTIONS[language]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_rules_agree_with_the_spec(name: str, language: str) -> None:
    text = " ".join(lines(name, language))
    spec = find(name).spec
    minutes = int(spec.budget // 60)
    assert f"{minutes} minutes" in text.replace("**", "") if language == "en" else f"{minutes}분" in text
    assert f"{spec.daily_limit} scored" in text if language == "en" else f"{spec.daily_limit}회" in text
    assert str(spec.seed) in text
    pretrained = {
        "en": ("Pretrained weights are allowed", "No pretrained model"),
        "ko": ("사용할 수 있습니다", "사전 학습된 모델,"),
    }
    assert pretrained[language][0 if spec.kernel_rules.pretrained == "any" else 1] in text


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same_example_and_the_same_numbers(name: str) -> None:
    def example(language: str) -> list[str]:
        text = lines(name, language)
        start = text.index("```")
        return text[start : text.index("```", start + 1)]

    def files(language: str) -> list[tuple[str, list[str]]]:
        rows = [line.split("|") for line in lines(name, language) if line.startswith("| `")]
        return [(row[1].strip(), re.findall(r"[\d,NM]+(?: x \d+)+", row[2])) for row in rows]

    assert example("en") == example("ko")
    assert example("en")[1] == "id,label"
    assert all(line.split(",")[1] in find(name).spec.labels for line in example("en")[2:])
    assert files("en") == files("ko")
    assert files("en")[0][1]
