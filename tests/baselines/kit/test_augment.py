import pytest
import torch
from torch.nn import functional

from baselines.kit.augment import (
    _sampling_grid,
    affine,
    contrast,
    create_augmentation,
    crop,
    erase,
    flip,
    noise,
    saturation,
)
from baselines.kit.seeds import generator
from competition.errors import UserError


@pytest.fixture
def images():
    return torch.rand(6, 3, 9, 11, generator=random())


def random(index=0):
    return generator(1, "test", index)


def test_crop_equals_slices_of_the_padded_image(images):
    cropped = crop(images, random(), pad=2)
    down, right = torch.randint(0, 5, (2, 6), generator=random())
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    for at in range(6):
        y, x = int(down[at]), int(right[at])
        assert torch.equal(cropped[at], padded[at, :, y : y + 9, x : x + 11])


def test_flip_mirrors_all_or_none(images):
    assert torch.equal(flip(images, random(), 1.0), images.flip(3))
    assert torch.equal(flip(images, random(), 0.0), images)


def test_flip_takes_about_the_share_asked_for():
    images = torch.arange(2.0).view(1, 1, 1, 2).repeat(2000, 1, 1, 1)
    assert 0.45 < float((flip(images, random(), 0.5)[:, 0, 0, 0] == 1).float().mean()) < 0.55


def test_an_affine_of_nothing_changes_nothing(images):
    assert torch.allclose(affine(images, random()), images, atol=1e-5)


def test_shift_moves_by_at_most_its_share():
    image = torch.zeros(200, 1, 21, 21)
    image[:, 0, 10, 10] = 1
    moved = affine(image, random(), shift=0.1)
    centre = (moved.sum((1, 2)) * torch.arange(21)).sum(1) / moved.sum((1, 2, 3))
    assert 1.5 < float((centre - 10).abs().max()) <= 2.1 + 1e-4


def test_rotation_keeps_the_centre_and_turns_the_rest():
    image = torch.zeros(50, 1, 21, 21)
    image[:, 0, 10, 10:] = 1
    turned = affine(image, random(), rotate=45)
    assert float(turned[:, 0, 10, 10].min()) > 0.6
    assert float(turned[:, 0, :9].sum((1, 2)).max()) > 2  # some turn upwards
    assert float(turned[:, 0, 12:].sum((1, 2)).max()) > 2  # and some downwards


def test_erase_sets_one_rectangle_to_zero():
    erased = erase(torch.ones(100, 2, 20, 20), random(), side=0.5, probability=1.0)
    hole = erased[:, 0] == 0
    assert torch.equal(hole, erased[:, 1] == 0)
    rows, columns = hole.any(2).sum(1), hole.any(1).sum(1)
    assert torch.equal(rows * columns, hole.sum((1, 2)))
    assert int(rows.max()) <= 11
    assert int(hole.sum()) > 0


@pytest.mark.parametrize("size", [(1, 1), (9, 11), (28, 28)])
def test_the_sampling_grid_is_torchs_affine_grid(size):
    matrix = torch.randn(5, 2, 3, generator=random())
    by_torch = torch.nn.functional.affine_grid(matrix, [5, 1, *size], align_corners=False)
    torch.testing.assert_close(_sampling_grid(*matrix.permute(2, 1, 0), *size), by_torch)


def test_an_image_mirrored_by_the_resampling_is_the_resampled_image_mirrored(images):
    geometry = {"rotate": 20, "zoom": 0.2, "shift": 0.1, "shear": 0.1}
    plain = affine(images, random(), **geometry)
    torch.testing.assert_close(affine(images, random(), **geometry, flip=1.0), plain.flip(3), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wish", [0.5, True, {"probability": 0.5}])
def test_flips_beside_a_geometry_mirror_the_same_share(wish):
    images = torch.arange(3.0).view(1, 1, 1, 3).repeat(2000, 1, 1, 1)
    changed = create_augmentation({"flip": wish, "zoom": 0.01})(images, random())
    assert 0.45 < float((changed[:, 0, 0, 0] > 1).float().mean()) < 0.55


def test_noise_has_the_deviation_asked_for(images):
    assert float((noise(torch.zeros(100, 1, 20, 20), random(), 0.3)).std()) == pytest.approx(0.3, rel=0.02)


def test_contrast_is_one_line_for_each_image(images):
    changed = contrast(images, random(), 0.3)
    gain = (changed[:, 0, 0, 0] - changed[:, 0, 0, 1]) / (images[:, 0, 0, 0] - images[:, 0, 0, 1])
    offset = changed[:, 0, 0, 0] - gain * images[:, 0, 0, 0]
    assert torch.allclose(changed, images * gain.view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1), atol=1e-3)


def test_saturation_keeps_the_gray_of_each_pixel_and_scales_its_colours(images):
    changed = saturation(images, random(), 0.5)
    gray = images.mean(1, keepdim=True)
    torch.testing.assert_close(changed.mean(1, keepdim=True), gray)
    gains = ((changed - gray) / (images - gray)).flatten(1)
    torch.testing.assert_close(gains, gains[:, :1].expand_as(gains), rtol=1e-2, atol=1e-3)
    assert gains[:, 0].min() >= 0.6 and gains[:, 0].max() <= 1.65 and gains[:, 0].std() > 0.05
    torch.testing.assert_close(saturation(gray, random(), 0.5), gray)


def test_the_same_generator_gives_the_same_batch_and_another_step_another(images):
    augment = create_augmentation({"rotate": 10, "crop": 1, "flip": 0.5, "noise": 0.1, "erase": {"side": 0.3}})
    first = augment(images, random(3))
    assert torch.equal(first, augment(images, random(3)))
    assert not torch.equal(first, augment(images, random(4)))
    assert first.shape == images.shape
    assert torch.isfinite(first).all()


def test_the_batch_that_went_in_stays_as_it_was(images):
    before = images.clone()
    create_augmentation({"rotate": 10, "crop": 1, "flip": 1.0, "noise": 0.1, "erase": 0.4, "contrast": 0.2})(
        images, random()
    )
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"rotat": 5}, "did you mean rotate"),
        ({"erase": {"sides": 1}}, "sides"),
        ({"cutout": 1}, "one of"),
        ({"rotate": "x"}, "no number"),
        ({"rotate": 5, "flip": {"side": 1}}, "side"),
        ({"rotate": 5, "flip": "often"}, "often"),
    ],
)
def test_a_wrong_augmentation_is_told_in_one_line(wish, told):
    with pytest.raises(UserError, match=told):
        create_augmentation(wish)


def test_no_wish_is_no_augmentation():
    assert create_augmentation({}) is None
    assert create_augmentation({"flip": 0, "rotate": 0.0, "zoom": None, "shift": False}) is None
