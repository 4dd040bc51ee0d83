import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from competition.bundle import open_bundle
from competition.catalog import Competition, find
from competition.errors import UserError
from competition.prepare import PreparedCompetition, prepare
from competition.sealed import Unlock, write_key_file
from competition.vault import make_vault, open_vault
from tests.competition.conftest import picture, write_competition

ROOT = Path(__file__).parents[2]

Shapes = Callable[..., Competition]


@pytest.fixture
def made(tmp_path: Path, secret: bytes) -> Callable[..., PreparedCompetition]:
    """Prepare below `tmp_path`, under the fixed secret."""

    def make(competition: Competition, **options: object) -> PreparedCompetition:
        vault = make_vault(tmp_path / "home", competition.name)
        vault.store("secret.key", secret.hex().encode())
        return prepare(competition, tmp_path / "data", tmp_path / "home", **options)  # type: ignore[arg-type]

    return make


BUNDLE_HASHES = {
    "labels.csv": "218b4eb2410ecf2ed9edd3be3d69abab028d71ee49539611666723eb7b51bb70",
    "sample_submission.csv": "43fad1340c2729e5733475228feae2549b3eb3eda36826a82e4e24ef3353eeef",
    "test.csv": "73b13e47b10966850e057aafe2f489cf3268073bf2668e68de09becaf8574cd4",
    "test_images.npy": "32a9ad5195d205bb3922fa8bd917b581b705f320491ba9ed0a1cfef37e11b9c4",
    "train.csv": "101c07f920a5893a169b712411787384c2af25a5eab6b2cb53df4ef3caec02e5",
    "train_images.npy": "85ac75eb9766a898ada6ee7da423353fb98c3bfedef8fc9843b904c45b6fd8e3",
    "solution.csv": "9bf7f862c9c38d39e7fd12a0d22a2dfb5726dcce2750bb486dd7289440870ba4",
}
TABLE = {"kind": "table", "path": "../shapes.csv"}


def solution_rows(home: Path, name: str = "shapes") -> list[dict[str, str]]:
    return list(csv.DictReader(open_vault(home, name).read_solution().decode().splitlines()))


def test_every_picture_lies_under_its_own_id_and_label(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    bundle = open_bundle(made(shapes()).bundle)
    original = {picture(label, number).tobytes(): label for label in bundle.rules.labels for number in range(20)}
    assert len(original) == 60
    hidden = {row["id"]: row["label"] for row in solution_rows(tmp_path / "home")}
    found = []
    for image, label in zip(bundle.train_images, bundle.train_labels, strict=True):
        assert original[image.tobytes()] == bundle.rules.labels[label]
        found.append(image.tobytes())
    for image, item in zip(bundle.test_images, bundle.test_ids, strict=True):
        assert original[image.tobytes()] == hidden[item]
        found.append(image.tobytes())
    assert sorted(found) == sorted(original)


def test_counts_are_those_of_the_files(shapes: Shapes, made: Callable[..., PreparedCompetition]) -> None:
    prepared = made(shapes())
    bundle = open_bundle(prepared.bundle)
    assert dict(prepared.counts) == {"train": 36, "validation": 12, "test": 12, "public": 6, "classes": 3}
    assert bundle.train_folds is not None
    assert Counter(bundle.train_folds.tolist()) == {1: 36, 0: 12}
    assert len(bundle.test_ids) == 12


def test_the_solution_is_in_kaggles_form_and_shared_half_and_half(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    made(shapes())
    rows = solution_rows(tmp_path / "home")
    assert list(rows[0]) == ["id", "label", "Usage"]
    assert Counter((row["label"], row["Usage"]) for row in rows) == {
        (label, usage): 2 for label in ("circle", "cross", "square") for usage in ("Public", "Private")
    }


def test_nothing_of_the_solution_lies_in_the_bundle(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    prepared = made(shapes())
    rows = solution_rows(tmp_path / "home")
    test_ids = {row["id"] for row in rows}
    secret = (tmp_path / "home" / "vault" / "shapes" / "secret.key").read_text().strip()
    for path in prepared.bundle.iterdir():
        content = path.read_bytes()
        assert secret.encode() not in content
        assert bytes.fromhex(secret) not in content
        if path.suffix == ".csv" and path.name != "sample_submission.csv":
            for line in content.decode().splitlines():
                if line.partition(",")[0] in test_ids:
                    assert line in test_ids, "a test id has a companion"
        assert b"Usage" not in content
        assert b"Private" not in content
    assert {line.partition(",")[2] for line in sample(prepared)[1:]} == {"circle"}


def sample(prepared: PreparedCompetition) -> list[str]:
    return (prepared.bundle / "sample_submission.csv").read_text().splitlines()


def test_the_same_inputs_give_the_same_bytes_wherever_they_lie(shapes: Shapes, tmp_path: Path, secret: bytes) -> None:
    competition = shapes()
    shutil.copytree(competition.folder, tmp_path / "elsewhere" / "shapes")
    for path in sorted((tmp_path / "elsewhere").rglob("*.png"), reverse=True):
        os.utime(path, (1, 1))
    digests = []
    for name, folder in (("one", competition.folder), ("two", tmp_path / "elsewhere" / "shapes")):
        make_vault(tmp_path / name / "home", "shapes").store("secret.key", secret.hex().encode())
        prepare(find(f"{folder}/"), tmp_path / name / "data", tmp_path / name / "home")
        vault = tmp_path / name / "home" / "vault" / "shapes"
        files = [*sorted((tmp_path / name / "data" / "shapes").iterdir()), vault / "solution.csv"]
        digests.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
    assert digests[0] == digests[1]
    assert {name: digests[0][name] for name in BUNDLE_HASHES} == BUNDLE_HASHES


def test_seed_and_source_without_the_secret_give_neither_ids_nor_members(shapes: Shapes, tmp_path: Path) -> None:
    competition = shapes(count=60)
    tested = []
    for name in ("one", "two"):
        prepared = prepare(competition, tmp_path / name / "data", tmp_path / name / "home")
        bundle = open_bundle(prepared.bundle)
        tested.append(({image.tobytes() for image in bundle.test_images}, set(bundle.test_ids)))
    (images, ids), (other_images, other_ids) = tested
    assert not ids & other_ids
    assert len(images & other_images) < 18  # of 36 of 180: chance shares about 7


def test_an_unchanged_competition_is_reused_and_a_change_of_anything_is_not(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    assert not made(shapes()).reused
    first = (tmp_path / "data" / "shapes" / "test.csv").read_bytes()
    assert made(shapes()).reused
    assert not made(shapes(), force=True).reused
    assert (tmp_path / "data" / "shapes" / "test.csv").read_bytes() == first
    assert not made(shapes(title="Other")).reused
    assert (tmp_path / "data" / "shapes" / "test.csv").read_bytes() == first
    assert not made(shapes(title="Other", seed=43)).reused
    assert (tmp_path / "data" / "shapes" / "test.csv").read_bytes() != first
    (tmp_path / "shapes" / "description.en.md").write_text("# New\n")
    assert not made(shapes(title="Other", seed=43)).reused
    Image.fromarray(np.zeros((6, 5), dtype=np.uint8)).save(tmp_path / "shapes" / "pictures" / "circle" / "new.png")
    assert not made(shapes(title="Other", seed=43)).reused
    (tmp_path / "data" / "shapes" / "train.csv").write_text("id\n")
    assert not made(shapes(title="Other", seed=43)).reused
    (tmp_path / "home" / "vault" / "shapes" / "solution.csv").unlink()
    assert not made(shapes(title="Other", seed=43)).reused
    assert made(shapes(title="Other", seed=43)).reused


def test_pictures_are_written_in_folders_when_asked_for(
    shapes: Shapes, made: Callable[..., PreparedCompetition]
) -> None:
    prepared = made(shapes(), layout="folder")
    bundle = open_bundle(prepared.bundle)
    for image, label, item in zip(bundle.train_images, bundle.train_labels, bundle.train_ids, strict=True):
        written = prepared.bundle / "train" / bundle.rules.labels[label] / f"{item}.png"
        assert np.array_equal(np.asarray(Image.open(written)), image)
    assert sorted(path.stem for path in (prepared.bundle / "test").iterdir()) == sorted(bundle.test_ids)
    for image, item in zip(bundle.test_images, bundle.test_ids, strict=True):
        assert np.array_equal(np.asarray(Image.open(prepared.bundle / "test" / f"{item}.png")), image)


def test_descriptions_and_a_custom_metric_come_along(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    shapes()
    (tmp_path / "shapes" / "description.en.md").write_text("# Shapes in English\n")
    (tmp_path / "shapes" / "description.ko.md").write_text("# 도형\n")
    (tmp_path / "shapes" / "metric.py").write_text("def score(solution, submission, row_id_column_name): return 1.0\n")
    prepared = made(shapes(metric={"file": "metric.py", "options": {"direction": "higher"}}))
    assert (prepared.bundle / "description.md").read_text() == "# Shapes in English\n"
    assert (prepared.bundle / "description.ko.md").read_text() == "# 도형\n"
    vault = tmp_path / "home" / "vault" / "shapes"
    assert (vault / "metric.py").read_bytes() == (prepared.bundle / "metric.py").read_bytes()
    assert (vault / "rules.json").read_bytes() == (prepared.bundle / "rules.json").read_bytes()


def test_a_table_keeps_its_features_and_gives_up_its_order(
    made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    rows = [f'{place},"room, {place}",{place / 7},{place * 10}' for place in range(100)]
    (tmp_path / "houses.csv").write_text("rooms,name,size,price\n" + "\n".join(rows) + "\n")
    competition = write_competition(
        tmp_path / "houses",
        task="regression",
        metric="rmse",
        labels=None,
        image=None,
        target_column="price",
        source={"kind": "table", "path": "../houses.csv", "label_column": "price"},
    )
    bundle = open_bundle(made(competition).bundle)
    assert bundle.train_table.columns == ["id", "rooms", "name", "size", "price", "fold"]
    assert bundle.test_table.columns == ["id", "rooms", "name", "size"]
    assert (bundle.train_table["rooms"] * 10).to_list() == bundle.train_values.tolist()
    hidden = {row["id"]: float(row["price"]) for row in solution_rows(tmp_path / "home", "houses")}
    for item, rooms, name, size in bundle.test_table.iter_rows():
        assert hidden[item] == rooms * 10
        assert (name, size) == (f"room, {rooms}", rooms / 7)
    constant = {
        line.partition(",")[2] for line in (bundle.folder / "sample_submission.csv").read_text().splitlines()[1:]
    }
    assert [float(value) for value in constant] == [pytest.approx(bundle.train_values.mean())]
    assert abs(np.corrcoef(np.arange(80), bundle.train_values)[0, 1]) < 0.45


def test_a_competition_of_probabilities_has_a_column_a_class_in_its_sample(
    shapes: Shapes, made: Callable[..., PreparedCompetition]
) -> None:
    header, first, *_ = sample(made(shapes(metric="log_loss")))
    assert header == "id,circle,cross,square"
    assert sum(float(share) for share in first.split(",")[1:]) == pytest.approx(1)


def test_another_source_may_be_named(shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path) -> None:
    competition = shapes(source={"kind": "images", "path": "nowhere"})
    with pytest.raises(UserError, match="nowhere"):
        made(competition)
    shutil.move(tmp_path / "shapes" / "pictures", tmp_path / "moved")
    assert made(competition, source=tmp_path / "moved").counts["test"] == 12


def test_a_sealed_vault_stays_sealed(shapes: Shapes, tmp_path: Path) -> None:
    write_key_file(tmp_path / "key")
    key = Unlock(key_file=tmp_path / "key")
    make_vault(tmp_path / "home", "shapes", key).encrypt()
    prepare(shapes(), tmp_path / "data", tmp_path / "home", unlock=key)
    vault = open_vault(tmp_path / "home", "shapes", key)
    assert vault.is_sealed
    assert vault.read_solution().startswith(b"id,label,Usage\n")
    assert b"Public" not in b"".join(path.read_bytes() for path in vault.folder.iterdir() if path.is_file())
    with pytest.raises(UserError, match="GRADER_KEY_FILE"):
        prepare(shapes(seed=1), tmp_path / "data", tmp_path / "home", unlock=Unlock())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"image": {"height": 6, "width": 5}, "labels": ["circle", "cross"]}, "square"),
        ({"image": None}, "image"),
        ({"metric": {"file": "missing.py"}}, "missing.py: cannot be read"),
        ({"parts": {"train": 30, "test": 5}}, "class 'circle' has 20 items"),
    ],
)
def test_what_does_not_fit_gets_one_line_and_changes_nothing(
    shapes: Shapes,
    made: Callable[..., PreparedCompetition],
    tmp_path: Path,
    changes: dict[str, object],
    problem: str,
) -> None:
    made(shapes())
    before = state(tmp_path)
    with pytest.raises(UserError, match=problem) as error:
        made(shapes(**changes))
    assert "\n" not in str(error.value)
    assert state(tmp_path) == before


def state(folder: Path) -> dict[str, str]:
    """Every file of bundle and vault with its checksum."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted([*(folder / "data").rglob("*"), *(folder / "home").rglob("*")])
        if path.is_file()
    }


def test_a_folder_that_is_no_bundle_is_never_replaced(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    thesis = tmp_path / "data" / "shapes" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")
    with pytest.raises(UserError, match="holds something that is no bundle"):
        made(shapes())
    assert thesis.read_text() == "years of work"
    (tmp_path / "other").mkdir()
    shutil.rmtree(tmp_path / "data" / "shapes")
    (tmp_path / "data" / "shapes").symlink_to(tmp_path / "other")
    with pytest.raises(UserError, match="is no folder"):
        made(shapes())


def test_a_data_folder_that_is_a_file_or_cannot_be_written_gets_one_line(shapes: Shapes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for data, home in (("file", "home"), ("data", "file")):
        with pytest.raises(UserError, match="cannot be written"):
            prepare(shapes(), tmp_path / data, tmp_path / home)


def test_a_disk_that_fills_up_leaves_the_old_pair_and_one_line(
    made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    (tmp_path / "shapes.csv").write_text("sides,label\n" + "\n".join(f"{n},{'ab'[n % 2]}" for n in range(100)))
    made(write_competition(tmp_path / "shapes", labels=["a", "b"], image=None, source=TABLE))
    before = state(tmp_path)
    code = (
        "import resource, signal, sys; from pathlib import Path; from competition.catalog import find\n"
        "from competition.errors import UserError; from competition.prepare import prepare\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "root = Path(sys.argv[1]); competition = find(f'{root}/shapes')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "try: prepare(competition, root / 'data', root / 'home', force=True)\n"
        "except UserError as error: sys.exit(str(error))\n"
    )
    for limit in (1, 300, 1100):
        run = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), str(limit)],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 1, limit
        assert "File too large" in run.stderr, run.stderr
        assert "Traceback" not in run.stderr
        assert run.stderr.count("\n") == 1
        assert state(tmp_path) == before
        assert [path.name for path in (tmp_path / "data").iterdir()] == ["shapes"]


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_at_any_change_to_the_disk_leaves_the_old_pair_or_the_new_one(
    shapes: Shapes, tmp_path: Path, step: int
) -> None:
    shapes(count=5)
    run = subprocess.run(
        [sys.executable, "-m", "tests.competition.kill_prepare", str(tmp_path), str(step)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"GRADER_CACHE": str(tmp_path / "cache")},
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 40


def test_an_interrupt_at_a_random_instant_leaves_the_old_pair_or_the_new_one(shapes: Shapes, tmp_path: Path) -> None:
    shapes(count=5)
    code = (
        "import sys; from pathlib import Path\n"
        "from competition.catalog import find; from competition.prepare import prepare\n"
        "root = Path(sys.argv[1]); competition = find(f'{root}/shapes')\n"
        "prepare(competition, root / 'data', root / 'home', force=True); print('ready', flush=True)\n"
        "while True: prepare(competition, root / 'data', root / 'home', force=True)\n"
    )
    for number, signal_sent in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.03 + 0.041 * number)
        child.send_signal(signal_sent)
        child.wait(timeout=20)
        child.stdout.close()
        bundle = open_bundle(tmp_path / "data" / "shapes")
        bundle.verify()
        assert {row["id"] for row in solution_rows(tmp_path / "home")} == set(bundle.test_ids)


def test_two_at_once_do_not_disturb_each_other(shapes: Shapes, tmp_path: Path) -> None:
    competition = shapes()
    vault = make_vault(tmp_path / "home", "shapes")
    with vault.lock(), pytest.raises(UserError, match="another `grader prepare` is at work"):
        prepare(competition, tmp_path / "data", tmp_path / "home")
    assert not (tmp_path / "data").exists()


def test_the_manifest_tells_sizes_checksums_seed_and_versions(
    shapes: Shapes, made: Callable[..., PreparedCompetition]
) -> None:
    prepared = made(shapes(seed=7))
    manifest = json.loads((prepared.bundle / "manifest.json").read_text())
    assert (manifest["competition"], manifest["format"], manifest["seed"]) == ("shapes", 1, 7)
    assert set(manifest["files"]) == {path.name for path in prepared.bundle.iterdir()} - {"manifest.json"}
    for name, noted in manifest["files"].items():
        content = (prepared.bundle / name).read_bytes()
        assert noted == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert set(manifest["versions"]) >= {"numpy", "pillow", "polars"}


def test_repeats_of_a_pool_are_dropped_by_one_word(
    shapes: Shapes, made: Callable[..., PreparedCompetition], tmp_path: Path
) -> None:
    shapes()
    pictures = tmp_path / "shapes" / "pictures"
    for number in range(5):
        shutil.copy(pictures / "circle" / f"{number:03d}.png", pictures / "circle" / f"again{number}.png")
    shutil.copy(pictures / "cross" / "000.png", pictures / "square" / "conflict.png")
    with_repeats = sum(made(shapes(repeats="keep")).counts[part] for part in ("train", "validation", "test"))
    without = sum(made(shapes(repeats="drop")).counts[part] for part in ("train", "validation", "test"))
    assert (with_repeats, without) == (66, 59)


def test_the_courses_own_images_of_fontchar_are_prepared(shared_data: Path, tmp_path: Path) -> None:
    """Four classes of Chars74K: the whole set is the business of a slow test."""
    competition = write_competition(
        tmp_path / "fontchar4",
        labels=["0", "A", "a", "y"],
        image={"height": 20, "width": 20, "channels": 1},
        parts={"train": 716, "validation": 150, "test": 150},
        source={"kind": "images", "other_classes": "drop"},
    )
    prepared = prepare(competition, tmp_path / "data", tmp_path / "home", shared_data / "chars74k_fnt.zip")
    assert prepared.counts["train"] == 4 * 716
    assert prepared.counts["validation"] == prepared.counts["test"] == 4 * 150


@pytest.mark.slow
def test_every_label_of_fontchar_agrees_with_an_independent_reading_of_chars74k(
    shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "chars74k_fnt.zip"
    bundle = open_bundle(prepare(find("fontchar"), tmp_path / "data", tmp_path / "home", source).bundle)
    known: dict[bytes, set[str]] = {}
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith(".png"):
                picture = (
                    Image.open(io.BytesIO(archive.read(name))).convert("L").resize((90, 90), Image.Resampling.BICUBIC)
                )
                # The character is the last letter of the folder: DIGIT_0, CAP_A, SMALL_a.
                known.setdefault(picture.tobytes(), set()).add(name.split("/")[-2][-1])
    hidden = {row["id"]: row["label"] for row in solution_rows(tmp_path / "home", "fontchar")}
    assert Counter(hidden.values()) == dict.fromkeys(bundle.rules.labels, 150)
    for image, item in zip(bundle.test_images, bundle.test_ids, strict=True):
        assert hidden[item] in known[image.tobytes()]
    for image, label in zip(bundle.train_images[:5000], bundle.train_labels[:5000], strict=True):
        assert bundle.rules.labels[label] in known[image.tobytes()]
