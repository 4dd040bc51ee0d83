import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from competition.bundle import Bundle, open_bundle
from competition.catalog import Competition, find
from competition.draft import draft_from, label_order
from competition.errors import UserError
from competition.init import init_competition
from competition.prepare import prepare
from tests.competition.conftest import write_pictures

HARD_LABELS = [
    "yes",
    "null",
    "~",
    "1e3",
    "0x1F",
    "2026-01-01",
    "- a",
    "#x",
    "{x}",
    'a"b',
    "a: b",
    "가",
    "$title",
    "a,b",
]


def made_and_prepared(folder: Path, data: Path, **options: str) -> tuple[Competition, Bundle]:
    """Init, then prepare what was written, without an edit in between."""
    init_competition(folder, data, **options)
    competition = find(f"{folder}/")
    home = folder.parents[1] / "home"
    return competition, open_bundle(prepare(competition, folder.parents[1] / "data", home).bundle)


def write_csv(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_a_folder_of_images_becomes_a_competition(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", ("10", "2", "1"))
    competition, bundle = made_and_prepared(tmp_path / "competition" / "digits", tmp_path / "pictures")
    assert competition.spec.labels == ("1", "2", "10")
    assert competition.spec.metric.name == "accuracy"
    assert competition.spec.label_matching == "number"
    assert competition.spec.source.path == "../../pictures"
    assert bundle.train_images.shape == (48, 6, 5)
    assert "1, 2, 10" in (bundle.folder / "description.md").read_text().replace("`", "")
    assert "클래스" in (bundle.folder / "description.ko.md").read_text()


def test_an_archive_of_colour_images_of_many_sizes_gets_one_size(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for number in range(30):
            pixels = random.integers(0, 256, (30 + number % 4, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", f"pets/{'cat' if number % 2 else 'dog'}/{number}.png")
    competition, bundle = made_and_prepared(tmp_path / "competition" / "pets", tmp_path / "pets.zip")
    assert bundle.train_images.shape[1:] == (40, 40, 3)
    assert competition.spec.labels == ("cat", "dog")


def test_a_table_with_text_targets_becomes_a_classification(tmp_path: Path) -> None:
    rows = [[number, f"flower {number}", number % 7, number / 3, ["rose", "tulip"][number % 2]] for number in range(80)]
    table = write_csv(tmp_path / "flowers.csv", ["Id", "name", "leaves", "height", "class"], rows)
    competition, bundle = made_and_prepared(tmp_path / "competition" / "flowers", table)
    assert competition.spec.task == "classification"
    assert competition.spec.source.drop_columns == ("Id", "name")
    assert bundle.test_table.columns == ["id", "leaves", "height"]
    assert bundle.rules.target_column == "class"
    assert set(bundle.train_table["class"]) == {"rose", "tulip"}


def test_a_table_with_a_numeric_target_becomes_a_regression(tmp_path: Path) -> None:
    rows = [[number % 5, number / 7, 1000 + number * 13.5] for number in range(100)]
    table = write_csv(tmp_path / "houses.csv", ["rooms", "size", "price"], rows)
    competition, bundle = made_and_prepared(tmp_path / "competition" / "houses", table)
    assert (competition.spec.task, competition.spec.metric.name) == ("regression", "rmse")
    assert bundle.rules.target_column == "price"
    assert bundle.train_values.min() >= 1000
    assert "Predict the number `price`" in (bundle.folder / "description.md").read_text()


def test_a_lopsided_target_is_judged_by_log_loss_and_the_reason_is_told(tmp_path: Path) -> None:
    rows = [[number % 9, int(number % 10 == 0)] for number in range(200)]
    table = write_csv(tmp_path / "fraud.csv", ["amount", "label"], rows)
    new = init_competition(tmp_path / "competition" / "fraud", table)
    assert "metric: log_loss, since always answering '0' would be 90% accurate" in new.choices
    bundle = open_bundle(prepare(find(f"{new.folder}/"), tmp_path / "data", tmp_path / "home").bundle)
    assert (bundle.folder / "sample_submission.csv").read_text().splitlines()[0] == "id,0,1"


def test_a_table_of_pixels_becomes_images(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [[number % 3, *random.integers(0, 256, 64).tolist()] for number in range(60)]
    table = write_csv(tmp_path / "digits.csv", ["label", *(f"pixel{place}" for place in range(64))], rows)
    competition, bundle = made_and_prepared(tmp_path / "competition" / "digits", table)
    assert competition.spec.image is not None
    assert bundle.train_images.shape == (48, 8, 8)
    expected = {bytes(row[1:]): str(row[0]) for row in rows}
    for image, label in zip(bundle.train_images, bundle.train_labels, strict=True):
        assert expected[image.tobytes()] == bundle.rules.labels[label]


def test_a_table_of_paths_becomes_images(tmp_path: Path) -> None:
    write_pictures(tmp_path / "files", ("a", "b"))
    rows = [[f"files/{label}/{number:03d}.png", label] for label in "ab" for number in range(20)]
    table = write_csv(tmp_path / "list.csv", ["file", "label"], rows)
    competition, bundle = made_and_prepared(tmp_path / "competition" / "letters2", table)
    assert competition.spec.source.image_column == "file"
    assert bundle.train_images.shape == (32, 6, 5)


def test_a_parquet_table_and_a_named_target_are_taken(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": list(range(60)), "kind": ["a", "b", "c"] * 20, "label": [1.5] * 60})
    frame.write_parquet(tmp_path / "t.parquet")
    competition, bundle = made_and_prepared(tmp_path / "competition" / "kinds", tmp_path / "t.parquet", target="kind")
    assert competition.spec.labels == ("a", "b", "c")
    assert bundle.rules.target_column == "kind"


@pytest.mark.parametrize(
    "label",
    ["yes", "no", "null", "~", "1e3", "0x1F", "2026-01-01", "- a", "#x", "{x}", 'a"b', "a: b", "가", "$title", "a,b"],
)
def test_every_label_survives_the_way_through_yaml(tmp_path: Path, label: str) -> None:
    table = write_csv(tmp_path / "t.csv", ["x", "label"], [[n, label if n % 2 else "other"] for n in range(40)])
    competition, bundle = made_and_prepared(tmp_path / "competition" / "comp", table)
    assert set(competition.spec.labels) == {label, "other"}
    assert len(bundle.test_ids) == 8


def test_labels_are_in_the_order_people_expect() -> None:
    assert label_order(["10", "9", "b", "a", "B", "img2", "img10", "²"]) == (
        "9", "10", "B", "a", "b", "img2", "img10", "²"
    )  # fmt: skip


def test_the_choices_are_told_with_their_reasons(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures")
    assert draft_from(tmp_path / "pictures").choices == (
        "task: classification, of 3 folders",
        "metric: accuracy, since the largest class has 33% of the items",
        "image: 6 x 5 gray, the size of the 60 images looked at",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read as a table|needs rows"),
        ("a,label\n", "needs rows"),
        ("label\nx\ny\n", "at least one more column"),
        ("a,label\n1,x\n2,\n", "1 empty cells"),
        ("a,label\n1,x\n2,x\n", "a single class"),
        ("a,label\n1,x\n2,x\n3,y\n4,x\n", "class 'y' has 1 item"),
        ("a,label\n" + "".join(f"{n},word{n}\n" for n in range(40)), "40 different texts in 40 rows; name the target"),
        ("a,label\n1,2,3\n", "cannot be read as a table"),
    ],
)
def test_a_table_that_makes_no_competition_gets_one_line_and_leaves_nothing(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=problem) as error:
        init_competition(tmp_path / "competition" / "comp", tmp_path / "t.csv")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "competition").exists()


def test_what_is_no_data_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "flat").mkdir()
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(tmp_path / "flat" / "a.png")
    (tmp_path / "notes.txt").write_text("hello")
    write_pictures(tmp_path / "broken")
    (tmp_path / "broken" / "circle" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    for data in ("empty", "flat", "notes.txt", "missing", "broken", "missing.csv"):
        with pytest.raises(UserError) as error:
            init_competition(tmp_path / "competition" / "comp", tmp_path / data)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "competition").exists()


def test_nothing_is_overwritten_and_names_are_checked(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures")
    init_competition(tmp_path / "competition" / "comp", tmp_path / "pictures")
    with pytest.raises(UserError, match="is there already"):
        init_competition(tmp_path / "competition" / "comp", tmp_path / "pictures")
    with pytest.raises(UserError, match="is no name for a competition"):
        init_competition(tmp_path / "competition" / "My Comp", tmp_path / "pictures")
    with pytest.raises(UserError, match="has no column 'pric'"):
        table = write_csv(tmp_path / "t.csv", ["price", "x"], [[1, 2], [3, 4]])
        init_competition(tmp_path / "competition" / "other", table, target="pric")
    with pytest.raises(UserError, match="a target column is for a table"):
        init_competition(tmp_path / "competition" / "other", tmp_path / "pictures", target="x")


@pytest.mark.parametrize(("target", "score"), [("price", "rmse"), ("label", "log_loss")])
def test_what_init_writes_is_prepared_checked_scored_and_published(tmp_path: Path, target: str, score: str) -> None:
    random = np.random.default_rng(0)
    value = (lambda: random.lognormal()) if target == "price" else (lambda: int(random.random() < 0.15))
    table = write_csv(tmp_path / "t.csv", ["x", target], [[random.random(), value()] for _ in range(200)])
    init_competition(tmp_path / "competition" / "comp", table)
    shown = ""
    for command in ("prepare comp", "check {0} -c comp", "score {0} -c comp --team us", "publish -c comp"):
        words = command.format("data/comp/sample_submission.csv").split()
        run = subprocess.run(
            [sys.executable, "-c", "from grader.cli import main; main()", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=clean_environment(),
        )
        assert run.returncode == 0, run.stderr
        shown += run.stdout
    assert score in shown
    assert "us" in (tmp_path / "site" / "index.html").read_text() + "".join(
        path.read_text() for path in (tmp_path / "site").rglob("*.html")
    )


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}
