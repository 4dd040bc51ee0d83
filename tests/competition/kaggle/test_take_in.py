import csv
import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from competition.bundle import Bundle, open_bundle
from competition.catalog import Competition, find
from competition.errors import UserError
from competition.init import init_competition
from competition.kaggle.export import export_competition
from competition.kaggle.take_in import import_competition
from competition.prepare import prepare
from competition.rules import load_rules
from grader.scoring.judge import open_judge
from tests.competition.conftest import write_pictures
from tests.competition.kaggle.conftest import participants_files, png, zipped


def imported(tmp_path: Path, name: str, path: Path, **options: str) -> Competition:
    import_competition(tmp_path / "competition" / name, name, path, **options)
    return find(f"{tmp_path}/competition/{name}")


def prepared(tmp_path: Path, competition: Competition) -> Bundle:
    return open_bundle(prepare(competition, tmp_path / "data", tmp_path / "home").bundle)


def solution_of(tmp_path: Path, name: str) -> bytes:
    return (tmp_path / "home" / "vault" / name / "solution.csv").read_bytes()


def write_all(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        if name.endswith("solution.csv"):
            (folder / name).chmod(0o600)
    return folder


def assert_the_same_competition(tmp_path: Path, one: str, other: str) -> None:
    assert solution_of(tmp_path, one) == solution_of(tmp_path, other)
    bundles = [tmp_path / "data" / name for name in (one, other)]
    for file in bundles[0].iterdir():
        if file.name not in ("manifest.json", "rules.json"):
            assert file.read_bytes() == (bundles[1] / file.name).read_bytes(), file.name
    rules = [load_rules(bundle / "rules.json").to_dict() for bundle in bundles]
    assert rules[0] | {"competition": ""} == rules[1] | {"competition": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"folds": 3, "parts": "80:20"},
        {"metric": "log_loss", "form": "probabilities", "extra_metrics": ["accuracy"], "label_names": ["O", "X", "□"]},
        {"id_column": "Id", "target_column": "shape", "daily_limit": 5, "closes": "2030-01-01", "budget": "3m"},
        {"image": {"height": 6, "width": 5, "channels": 3}, "title": {"en": "A: b", "ko": "도형 #1"}},
    ],
)
def test_a_competition_comes_back_byte_for_byte(
    changes: dict[str, object], shapes: Callable[..., Competition], tmp_path: Path
):
    shapes(**changes)
    out = export_competition("shapes", tmp_path / "data", tmp_path / "home", tmp_path / "out").folder
    prepared(tmp_path, imported(tmp_path, "back", out))
    assert_the_same_competition(tmp_path, "shapes", "back")


def test_a_submission_scores_the_same_before_and_after(exported: Path, tmp_path: Path):
    prepared(tmp_path, imported(tmp_path, "back", exported))
    truth = list(csv.reader(io.StringIO(solution_of(tmp_path, "shapes").decode())))[1:]
    file = tmp_path / "submission.csv"
    for wrong in (0, 1, 5, 12):
        answers = [(item, "cross" if row < wrong else label) for row, (item, label, _) in enumerate(truth)]
        file.write_text("id,label\n" + "".join(f"{item},{label}\n" for item, label in answers))
        scores = [open_judge(tmp_path / "home", name).judge(file).scores for name in ("shapes", "back")]
        assert scores[0] == scores[1]
        right = [
            given == label for (_, given), (_, label, usage) in zip(answers, truth, strict=True) if usage == "Public"
        ]
        assert next(s.value for s in scores[0] if s.split == "Public" and s.metric == "accuracy") == np.mean(right)


def test_a_table_comes_back_byte_for_byte(tmp_path: Path):
    rows = "".join(f'{number / 7!r},0{number % 5},"a,{number}",{number / 3!r}\n' for number in range(100))
    (tmp_path / "houses.csv").write_text("area,rooms,name,price\n" + rows)
    init_competition(tmp_path / "competition" / "houses", tmp_path / "houses.csv", "price")
    prepared(tmp_path, find(f"{tmp_path}/competition/houses"))
    out = export_competition("houses", tmp_path / "data", tmp_path / "home", tmp_path / "out").folder
    prepared(tmp_path, imported(tmp_path, "back", out))
    assert_the_same_competition(tmp_path, "houses", "back")


def test_a_custom_metric_comes_along_and_is_told_of(shapes: Callable[..., Competition], tmp_path: Path):
    metric = (
        "def score(solution, submission, row_id_column_name: str, power: float) -> float:\n    return 0.5 ** power\n"
    )
    (tmp_path / "competition" / "shapes").mkdir(parents=True)
    (tmp_path / "competition" / "shapes" / "half.py").write_text(metric)
    shapes(metric={"file": "half.py", "options": {"direction": "higher", "power": 2.0}})
    made = export_competition("shapes", tmp_path / "data", tmp_path / "home", tmp_path / "out")
    assert (made.folder / "half.py").read_text() == metric
    assert "`power` = `2.0`" in (made.folder / "README.md").read_text()
    told = import_competition(tmp_path / "competition" / "back", "back", made.folder).choices
    assert any("half.py came with the files; read it first" in line for line in told)
    prepared(tmp_path, find(f"{tmp_path}/competition/back"))
    assert_the_same_competition(tmp_path, "shapes", "back")


def host_files() -> dict[str, bytes | str]:
    """What a host keeps who never heard of this project: other names, another order, ignored rows, Windows' ends."""
    files: dict[str, bytes | str] = {f"train/{number}.png": png(number) for number in range(20)}
    files |= {f"test/{number}.png": png(1000 + number) for number in range(6)}
    files["train.csv"] = "pic,kind\r\n" + "".join(f"{n},{'ab'[n % 2]}\r\n" for n in range(20))
    files["test.csv"] = "pic\r\n" + "".join(f"{n}\r\n" for n in range(6))
    usage = ["Public", "Private", "Ignored"]
    files["private/solution.csv"] = "Usage,pic,kind\r\n" + "".join(
        f"{usage[n % 3]},{n},{'?' if n % 3 == 2 else 'ab'[n % 2]}\r\n" for n in reversed(range(6))
    )
    return files


def test_a_hosts_own_files_keep_ids_labels_and_usage(tmp_path: Path):
    competition = imported(tmp_path, "pics", write_all(tmp_path / "host", host_files()))
    assert (competition.spec.labels, competition.spec.id_column) == (("a", "b"), "pic")
    bundle = prepared(tmp_path, competition)
    kept = list(csv.DictReader(io.StringIO(solution_of(tmp_path, "pics").decode())))
    assert [(row["pic"], row["kind"], row["Usage"]) for row in kept] == [
        ("0", "a", "Public"), ("1", "b", "Private"), ("2", "?", "Ignored"),
        ("3", "b", "Public"), ("4", "a", "Private"), ("5", "?", "Ignored"),
    ]  # fmt: skip
    assert bundle.test_ids == [str(number) for number in range(6)]
    for number in range(6):  # train/3.png and test/3.png are two images
        with Image.open(io.BytesIO(png(1000 + number))) as image:
            assert (bundle.test_images[number] == np.asarray(image)).all()
    with Image.open(io.BytesIO(png(3))) as image:
        assert (bundle.train_images[bundle.train_ids.index("3")] == np.asarray(image)).all()
    submission = tmp_path / "s.csv"
    submission.write_text("pic,kind\n0,a\n1,a\n2,a\n3,b\n4,a\n5,a\n")
    scores = {score.split: score.value for score in open_judge(tmp_path / "home", "pics").judge(submission).scores}
    assert scores == {"Public": 1.0, "Private": 0.5}


def test_what_participants_download_is_split_anew(tmp_path: Path):
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / "dogs.zip").write_bytes(zipped(participants_files()))
    competition = imported(tmp_path, "dogs", tmp_path / "download")
    assert competition.spec.split == "random"
    assert competition.spec.labels == ("corgi", "pug")
    assert (competition.spec.id_column, competition.spec.target_column) == ("image_id", "breed")
    bundle = prepared(tmp_path, competition)
    rows = {line.split(",")[0]: line.split(",")[1] for line in solution_of(tmp_path, "dogs").decode().splitlines()[1:]}
    labelled = {png(number): ["pug", "corgi"][number % 2] for number in range(40)}
    by_pixels = {np.asarray(Image.open(io.BytesIO(file))).tobytes(): label for file, label in labelled.items()}
    assert len(rows) == len(bundle.test_ids) == 8
    for item, pixels in zip(bundle.test_ids, bundle.test_images, strict=True):
        assert by_pixels[pixels.tobytes()] == rows[item]


def test_columns_that_the_test_part_lacks_are_no_features(tmp_path: Path):
    train = "PassengerId,Pclass,Boat,Survived\n" + "".join(f"{n},{n % 3},{n % 2},{n % 2}\n" for n in range(60))
    files = {"train.csv": train, "test.csv": "PassengerId,Pclass\n" + "".join(f"{n},1\n" for n in range(60, 70))}
    files["gender_submission.csv"] = "PassengerId,Survived\n" + "".join(f"{n},0\n" for n in range(60, 70))
    competition = imported(tmp_path, "titanic", write_all(tmp_path / "titanic", files))
    bundle = prepared(tmp_path, competition)
    assert bundle.train_table.columns == ["PassengerId", "Pclass", "Survived", "fold"]
    assert competition.spec.labels == ("0", "1")


def test_a_sample_with_a_column_a_class_asks_for_probabilities(tmp_path: Path):
    files = participants_files()
    files["sample_submission.csv"] = "image_id,corgi,pug\n" + "".join(f"{n},0.5,0.5\n" for n in range(10))
    competition = imported(tmp_path, "dogs", write_all(tmp_path / "dogs", files))
    assert (competition.spec.metric.name, competition.spec.submission_form) == ("log_loss", "probabilities")
    prepared(tmp_path, competition)


SECRET_LABEL = "xyzzy"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"private/solution.csv": "pic,kind,Usage\n"}, "it has no rows"),
        ({"private/solution.csv": f"pic,kind,Usage\n0,{SECRET_LABEL},Publik\n"}, "line 2: Usage must be one of"),
        ({"private/solution.csv": f"pic,kind,Usage\n0,{SECRET_LABEL},Public\n" * 1}, "differ in 5 ids, such as '1'"),
        (
            {"private/solution.csv": f"pic,kind,x,Usage\n0,{SECRET_LABEL},1,Public\n"},
            "columns must be the id of test.csv",
        ),
        ({"private/solution.csv": f'pic,kind,Usage\n0,"{SECRET_LABEL}'}, "no CSV in UTF-8"),
        ({"private/solution.csv": f"pic,kind,Usage\n0,{SECRET_LABEL},Public\n0,b,Public\n"}, "already"),
        ({"train.csv": "pic,sort\n0,a\n1,b\n"}, "train.csv has no column 'kind'"),
        ({"train.csv": "pic,kind\n0,a\n1,\n"}, "empty"),
        ({"train.csv": "pic,kind\n0,a\n9,b\n0,a\n9,b\n"}, "empty or repeated ids"),
        ({"test/5.png": b"no image"}, "no readable image"),
        ({"test.csv": "pic\n0\n0\n"}, "empty or repeated ids"),
        ({"train.csv": None}, "holds no train.csv"),
        ({"other/private/solution.csv": "pic,kind,Usage\n", "private/solution.csv": None}, "no rows"),
    ],
)
def test_bad_host_files_are_one_plain_line_without_a_label(changes: Mapping[str, str], message: str, tmp_path: Path):
    files = {name: content for name, content in (host_files() | dict(changes)).items() if content is not None}
    folder = write_all(tmp_path / "host", files)
    with pytest.raises(UserError, match=message) as caught:
        prepared(tmp_path, imported(tmp_path, "pics", folder))
    assert "\n" not in str(caught.value)
    assert SECRET_LABEL not in str(caught.value)
    assert not (tmp_path / "data" / "pics").exists()


def test_a_solution_that_others_can_read_is_refused(exported: Path, tmp_path: Path):
    (exported / "private" / "solution.csv").chmod(0o644)
    with pytest.raises(UserError, match="run `chmod 600"):
        imported(tmp_path, "back", exported)
    assert not (tmp_path / "competition" / "back").exists()


def hostile(exported: Path, tmp_path: Path, changes: Mapping[str, bytes | str | None]) -> Path:
    """An exported folder whose data.zip holds something else."""
    folder = tmp_path / "hostile"
    shutil.copytree(exported, folder)
    with zipfile.ZipFile(exported / "data.zip") as archive:
        files: dict[str, bytes | str | None] = {name: archive.read(name) for name in archive.namelist()}
    files |= changes
    (folder / "data.zip").write_bytes(zipped({name: text for name, text in files.items() if text is not None}))
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"../evil.csv": "x"}, "points outside of the archive"),
        ({"rules.json": "{}"}, "holds no rules"),
        ({"rules.json": "[1]"}, "holds no rules"),
        ({"rules.json": b"\xff"}, "holds no rules"),
        ({"train_images.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O'"}, "train_images.npy' is damaged"),
        ({"train_images.npy": None}, "different features, or none"),
        ({"train.csv": b"\xff\xfe\0"}, "train.csv' is damaged"),
        ({"train.csv": "id,label,fold\na,cross,x\nb,circle,0\n"}, "no whole number"),
    ],
)
def test_hostile_data_are_refused_and_nothing_is_left(
    changes: Mapping[str, bytes | str | None], message: str, exported: Path, tmp_path: Path
):
    folder = hostile(exported, tmp_path, changes)
    with pytest.raises(UserError, match=message) as caught:
        prepared(tmp_path, imported(tmp_path, "back", folder))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data" / "back").exists()
    assert not (tmp_path / "evil.csv").exists()


def test_a_bomb_is_refused_before_it_is_unpacked(exported: Path, tmp_path: Path):
    folder = hostile(exported, tmp_path, {"bomb.npy": b"\0" * 0x12345})
    told = (folder / "data.zip").read_bytes()
    assert told.count(struct.pack("<I", 0x12345)) == 2  # in the member's own header and in the directory
    (folder / "data.zip").write_bytes(told.replace(struct.pack("<I", 0x12345), struct.pack("<I", 3 << 30)))
    with pytest.raises(UserError, match=r"'bomb.npy' would unpack to too much"):
        imported(tmp_path, "back", folder)
    assert not (tmp_path / "competition" / "back").exists()


@pytest.mark.parametrize("name", ["../half.py", "competition.yaml", "/etc/passwd", "a\n.py"])
def test_a_metric_that_is_no_plain_file_is_refused(name: str, exported: Path, tmp_path: Path):
    with zipfile.ZipFile(exported / "data.zip") as archive:
        rules = json.loads(archive.read("rules.json"))
    rules["metric"]["file"] = name
    folder = hostile(exported, tmp_path, {"rules.json": json.dumps(rules)})
    with pytest.raises(UserError, match=r"as a metric; expected NAME.py"):
        imported(tmp_path, "back", folder)
    assert not (tmp_path / "competition" / "back").exists()


def test_a_folder_that_is_there_is_not_written_into(exported: Path, tmp_path: Path):
    with pytest.raises(UserError, match="is there already"):
        imported(tmp_path, "shapes", exported)


def test_folders_of_classes_say_what_to_do(tmp_path: Path):
    write_pictures(tmp_path / "download" / "train", count=3)
    with pytest.raises(UserError, match=r"holds no train.csv"):
        imported(tmp_path, "pics", tmp_path / "download")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "given"}, "split: given needs a source with ids, a test part and Usage"),
        ({"split": "given", "folds": 5, "parts": "80:20"}, "folds: split: given takes the source's own folds"),
        ({"split": "given", "repeats": "drop"}, "repeats: split: given keeps every item"),
    ],
)
def test_a_given_split_needs_a_source_that_gives_it(
    changes: dict[str, object], message: str, shapes: Callable[..., Competition]
):
    with pytest.raises(UserError, match=message):
        shapes(**changes)


def test_a_class_without_an_item_to_train_on_is_refused(tmp_path: Path):
    files = host_files()
    competition = imported(tmp_path, "pics", write_all(tmp_path / "host", files))
    rows = "".join(f"{number},{'a' if number else 'b'}\n" for number in range(20))
    (tmp_path / "host" / "train.csv").write_text("pic,kind\n" + rows.replace("0,b\n", "0,a\n", 1))
    with pytest.raises(UserError, match="class 'b' gets no item for training"):
        prepared(tmp_path, competition)
