"""Transforms of torchvision and albumentations, one picture at a time, as a recipe asks for them."""

import pytest
import torch

from baselines.kit.pictures import create_picture_change
from competition.errors import UserError
from tests.baselines.glyphs import accuracy_on_test
from tests.baselines.runs import run


def pictures(channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (6, 12, 12, channels), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


def test_nothing_asked_for_is_nothing_done():
    assert create_picture_change([], [], pictures()) is None


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("library", ["torchvision", "albumentations"])
def test_a_certain_mirror_mirrors_every_picture(library, channels):
    lists = {"torchvision": [], "albumentations": []}
    lists[library] = [{"RandomHorizontalFlip" if library == "torchvision" else "HorizontalFlip": {"p": 1.0}}]
    given = pictures(channels)
    changed = create_picture_change(**lists, examples=given)(given, seed=3)
    assert torch.equal(changed, given.flip(2))
    assert changed.dtype == torch.uint8


def test_the_first_library_comes_first():
    given = pictures()
    change = create_picture_change(
        [{"RandomSolarize": {"threshold": 0, "p": 1.0}}], [{"PixelDropout": {"dropout_prob": 1.0, "p": 1.0}}], given
    )
    assert not change(given, seed=1).any()  # inverted by the first, blackened by the second


@pytest.mark.parametrize(
    "lists",
    [
        {"torchvision": [{"RandomRotation": {"degrees": 30}}, "RandomVerticalFlip"], "albumentations": []},
        {"torchvision": [], "albumentations": [{"Rotate": {"limit": 30, "p": 1.0}}, {"GaussNoise": {"p": 1.0}}]},
    ],
    ids=["torchvision", "albumentations"],
)
def test_the_same_seed_changes_alike_and_pictures_of_one_batch_differ(lists):
    given = pictures()[:1].repeat(6, 1, 1, 1)
    change = create_picture_change(**lists, examples=given)
    once, again, other = change(given, seed=7), change(given, seed=7), change(given, seed=8)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert len({bytes(picture.numpy().tobytes()) for picture in once}) > 1


def test_the_random_numbers_of_a_run_are_left_alone():
    given = pictures()
    change = create_picture_change(["RandomHorizontalFlip"], [], given)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    change(given, seed=9)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("torchvision", "albumentations", "told"),
    [
        (["RandomHorizontalFlop"], [], "did you mean RandomHorizontalFlip"),
        ([], ["HorizontalFlop"], "did you mean HorizontalFlip"),
        ([{"RandomRotation": {"degree": 3}}], [], "RandomRotation with"),
        ([{"RandomRotation": 3}], [], "write a name"),
        ([{"A": {}, "B": {}}], [], "write a name"),
        (["functional"], [], "no transform 'functional'"),
        ([{"ToDtype": {"dtype": None}}], [], "do not fit|must stay uint8|ToDtype"),
        ([{"Grayscale": {"num_output_channels": 1}}], [], "of 1 channels"),
        ([{"RandomCrop": {"size": 50}}], [], "do not fit"),
    ],
)
def test_a_wrong_wish_is_told_in_one_line(torchvision, albumentations, told):
    with pytest.raises(UserError, match=told) as error:
        create_picture_change(torchvision, albumentations, pictures())
    assert "\n" not in str(error.value)


def test_a_run_with_both_libraries_learns_and_repeats_itself(glyphs, bundle, tmp_path):
    wish = {
        "torchvision": [{"RandomAffine": {"degrees": 5, "translate": [0.05, 0.05]}}],
        "albumentations": [{"RandomBrightnessContrast": {"p": 0.5}}],
        "deterministic": True,
        "epochs": 6,
    }
    for name in ("a", "b"):
        run(bundle, tmp_path / name, **wish)
    assert accuracy_on_test(glyphs, tmp_path / "a") > 0.7
    assert (tmp_path / "a" / "submission.csv").read_bytes() == (tmp_path / "b" / "submission.csv").read_bytes()


def test_features_that_are_computed_once_cannot_be_changed(bundle, tmp_path):
    with pytest.raises(UserError, match="leave one of them out"):
        run(bundle, tmp_path, cache_features=True, torchvision=["RandomHorizontalFlip"])
