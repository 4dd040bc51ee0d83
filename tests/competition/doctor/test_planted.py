"""Leaks planted in a real competition: each is found, and only it."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.competition.doctor.conftest import LABELS, Prepared, by_code, faults, listed, read, write

TAMPERED = {"checksum"}  # what every later change of the bundle is found by too


def edit_images(shapes: Prepared, name: str, change) -> None:
    """Change an array of the bundle in place."""
    images = np.load(shapes.bundle / name)
    np.save(shapes.bundle / name, change(images).astype(np.uint8))


def rename(shapes: Prepared, new: dict[str, str]) -> None:
    """Give items other ids, in bundle and solution alike."""
    for path in (*(shapes.bundle / n for n in ("train.csv", "test.csv", "sample_submission.csv")), shapes.solution):
        rows = read(path)
        write(path, [rows[0], *([new.get(row[0], row[0]), *row[1:]] for row in rows[1:])])


def rearrange(shapes: Prepared, order: Sequence[int]) -> None:
    """Put the test items into another order, pictures and ids together."""
    rows = read(shapes.bundle / "test.csv")
    write(shapes.bundle / "test.csv", [rows[0], *(rows[1 + place] for place in order)])
    edit_images(shapes, "test_images.npy", lambda images: images[np.array(order)])


def copies(folder: Path) -> None:
    """One circle twelve times: some land in test, some in training."""
    for number in range(12):
        (folder / "circle" / f"copy-{number}.png").write_bytes((folder / "circle" / "000.png").read_bytes())


def test_a_repeat_across_the_split_is_a_warning_that_names_the_word(prepared):
    shapes = prepared(plant=copies)
    examination = shapes.examined()
    (found,) = by_code(examination, "repeats")
    assert (found.level, "`repeats: together`" in found.remedy) == ("warning", True)
    train, test = (np.load(shapes.bundle / f"{part}_images.npy") for part in ("train", "test"))
    known = {image.tobytes() for image in train}
    ids = shapes.order_of_test()
    expected = {item for item, image in zip(ids, test, strict=True) if image.tobytes() in known}
    assert {row[0] for row in listed(examination, "duplicates.csv")} == expected
    assert len(expected) >= 1
    assert not faults(examination)


@pytest.mark.parametrize("word", ["drop", "together"])
def test_the_word_in_the_spec_ends_it(prepared, word):
    (found,) = by_code(prepared(plant=copies, repeats=word).examined(), "repeats")
    assert found.level == ("ok" if word == "drop" else "note")


def test_a_repeat_that_the_spec_forbids_is_a_fault(prepared):
    shapes = prepared(repeats="together")
    first = np.load(shapes.bundle / "train_images.npy")[0]
    edit_images(shapes, "test_images.npy", lambda images: np.concatenate([first[None], images[1:]]))
    examination = shapes.examined()
    assert "repeats" in faults(examination)
    (row,) = listed(examination, "duplicates.csv")
    assert row[:2] == [shapes.order_of_test()[0], read(shapes.bundle / "train.csv")[1][0]]


def test_one_picture_in_two_classes_is_listed_whole(prepared):
    def conflict(folder: Path) -> None:
        (folder / "cross" / "stray.png").write_bytes((folder / "circle" / "000.png").read_bytes())

    examination = prepared(plant=conflict).examined()
    (found,) = by_code(examination, "conflicts")
    assert (found.level, "`conflicts: drop`" in found.remedy) == ("warning", True)
    assert {row[3] for row in listed(examination, "conflicts.csv")} == {"circle", "cross"}
    assert by_code(prepared(plant=conflict, conflicts="drop").examined(), "conflicts")[0].level == "ok"


@pytest.mark.parametrize(
    "change",
    [
        lambda image: np.roll(image, (1, -1), axis=(0, 1)),
        lambda image: np.clip(image.astype(float) * 0.7 + 30, 0, 255),
        lambda image: np.clip(np.roll(image, 1, axis=1).astype(float) * 1.1 - 10, 0, 255),
        lambda image: image.astype(float) + np.random.default_rng(1).normal(scale=2, size=image.shape),
    ],
    ids=["moved", "brighter", "moved and brighter", "compressed"],
)
def test_a_near_repeat_is_found_with_its_twin(prepared, change):
    shapes = prepared()
    original = np.load(shapes.bundle / "train_images.npy")[7]
    edit_images(shapes, "test_images.npy", lambda i: np.concatenate([i[:4], np.uint8(change(original))[None], i[5:]]))
    examination = shapes.examined()
    (found,) = by_code(examination, "near_repeats")
    assert found.level == "warning"
    (row,) = listed(examination, "near_duplicates.csv")
    assert row[:2] == [shapes.order_of_test()[4], read(shapes.bundle / "train.csv")[8][0]]


def test_an_id_that_tells_its_label_is_a_fault(prepared):
    shapes = prepared()
    labels = shapes.truth() | {row[0]: row[1] for row in read(shapes.bundle / "train.csv")[1:]}
    rename(shapes, {item: item[:5] + "abc"[LABELS.index(label)] + item[6:] for item, label in labels.items()})
    examination = shapes.examined()
    assert "character 6 of an id" in by_code(examination, "ids")[0].message
    assert faults(examination) == {"ids", "preparation", *TAMPERED}


def test_ids_that_tell_labels_of_the_test_part_alone_are_a_fault(prepared):
    shapes = prepared()
    rename(shapes, {item: "def"[LABELS.index(label)] + item[1:] for item, label in shapes.truth().items()})
    assert by_code(shapes.examined(), "ids")[0].level == "fault"


def test_numbered_ids_are_a_fault(prepared):
    shapes = prepared()
    rename(shapes, {item: f"{number:06d}" for number, item in enumerate(shapes.order_of_test())})
    assert by_code(shapes.examined(), "id_order")[0].level == "fault"


def test_test_rows_in_the_order_of_their_labels_are_a_fault(prepared):
    shapes = prepared()
    truth, ids = shapes.truth(), shapes.order_of_test()
    rearrange(shapes, sorted(range(len(ids)), key=lambda place: truth[ids[place]]))
    assert "order" in faults(shapes.examined())


def test_a_label_in_a_file_name_is_a_fault(prepared):
    shapes = prepared(layout="folder")
    for item, label in shapes.truth().items():
        (shapes.bundle / "test" / f"{item}.png").rename(shapes.bundle / "test" / f"{item}_{label}.png")
    assert "file_name" in faults(shapes.examined())


def test_the_time_of_a_file_that_tells_its_label_is_a_fault(prepared):
    shapes = prepared(layout="folder")
    for item, label in shapes.truth().items():
        second = 1_700_000_000 + LABELS.index(label) * 60
        os.utime(shapes.bundle / "test" / f"{item}.png", (second, second))
    assert faults(shapes.examined()) == {"file_time"}


def test_text_inside_a_picture_is_a_fault(prepared):
    shapes = prepared(layout="folder")
    for item, label in shapes.truth().items():
        path = shapes.bundle / "test" / f"{item}.png"
        notes = PngImagePlugin.PngInfo()
        notes.add_text("subject", label)
        with Image.open(path) as image:
            image.save(path, pnginfo=notes)
    assert "picture" in faults(shapes.examined())


def test_a_picture_with_other_pixels_than_the_array_is_a_fault(prepared):
    shapes = prepared(layout="folder")
    for item in shapes.order_of_test():
        Image.fromarray(np.zeros((24, 24), dtype=np.uint8)).save(shapes.bundle / "test" / f"{item}.png")
    assert faults(shapes.examined()) == {"picture"}


@pytest.mark.parametrize(
    "change",
    [
        lambda i: np.clip(i.astype(float) + 25, 0, 255),
        lambda i: 128 + (i.astype(float) - 128) * 0.6,
        lambda i: i // 16 * 16,
    ],
    ids=["brighter", "flatter", "coarser"],
)
def test_a_shifted_test_set_is_a_fault(prepared, change):
    shapes = prepared(count=120)
    assert {finding.level for finding in by_code(shapes.examined(), "shift")} == {"ok"}
    edit_images(shapes, "test_images.npy", change)
    assert faults(shapes.examined()) == {"shift", *TAMPERED}


@pytest.mark.parametrize("name", ["test.csv", "train_images.npy", "description.md", "rules.json"])
def test_an_edited_file_is_a_fault(prepared, name):
    shapes = prepared()
    content = bytearray((shapes.bundle / name).read_bytes())
    content[-3] ^= 1
    (shapes.bundle / name).write_bytes(content)
    assert "checksum" in faults(shapes.examined())


def test_a_file_that_was_lengthened_is_a_fault_and_the_rest_is_examined(prepared):
    shapes = prepared()
    with (shapes.bundle / "description.md").open("a") as file:
        file.write("more\n")
    examination = shapes.examined()
    assert faults(examination) == {"checksum"}
    assert by_code(examination, "pictures")


def test_a_bundle_of_another_preparation_is_a_fault(prepared):
    shapes = prepared()
    rows = read(shapes.solution)
    rows[1][1] = next(label for label in LABELS if label != rows[1][1])
    write(shapes.solution, rows)
    assert "preparation" in faults(shapes.examined())


@pytest.mark.parametrize("place", [".", "solution.csv", "secret.key"])
def test_looser_permissions_are_a_fault_and_no_label_is_read(prepared, place):
    shapes = prepared()
    (shapes.solution.parent / place).chmod(0o755)
    examination = shapes.examined()
    assert faults(examination) == {"permissions"}
    assert "chmod" in by_code(examination, "permissions")[0].message
    assert not list(examination.folder.iterdir())


def test_an_edited_spec_is_a_warning(prepared):
    shapes = prepared()
    from tests.competition.conftest import write_competition

    image = {"height": 24, "width": 24, "channels": 1}
    edited = write_competition(shapes.competition.folder, image=image, metric="balanced_accuracy")
    examination = Prepared(edited, shapes.home, shapes.data).examined()
    assert by_code(examination, "rules")[0].level == "warning"


def test_parts_that_are_not_what_the_spec_asks_for_are_a_fault(prepared):
    shapes = prepared()
    from tests.competition.conftest import write_competition

    image = {"height": 24, "width": 24, "channels": 1}
    edited = write_competition(shapes.competition.folder, image=image, parts="70:15:15")
    assert "parts" in faults(Prepared(edited, shapes.home, shapes.data).examined())


def test_wrong_labels_are_listed_and_are_no_fault(prepared):
    def swap(folder: Path) -> None:
        for number in range(4):
            (folder / "circle" / f"{number:03d}.png").rename(folder / "square" / f"swapped-{number}.png")

    shapes = prepared(count=120, plant=swap)
    examination = shapes.examined()
    (found,) = by_code(examination, "label_noise")
    rows = listed(examination, "noise.csv")
    assert found.level == "note"
    wrong = [row for row in rows if row[2:4] == ["square", "circle"]]
    assert len(wrong) >= 3
    assert len(rows) <= 8  # and next to nothing else


def test_what_whole_groups_bring_with_them_is_a_warning(prepared):
    shapes = prepared(count=120, repeats="together")
    edit_images(shapes, "test_images.npy", lambda images: np.clip(images.astype(float) + 25, 0, 255))
    found = by_code(shapes.examined(), "shift")
    assert ("warning", True) in {(finding.level, "`repeats: drop`" in finding.remedy) for finding in found}
    assert "fault" not in {finding.level for finding in found}
