"""The nets and recipes of letters_resnet18: the weights path, gray images, the recipes as given."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18 as torchvision_resnet18

from baselines.kit.data import ImageShape
from baselines.kit.recipe import load_recipe, with_changes
from baselines.kit.summary import count_parameters
from baselines.letters_resnet18.__main__ import KERNEL
from baselines.letters_resnet18.model import build_model
from competition.errors import UserError

SHAPE = ImageShape(1, 28, 28, 26)
FILE = "resnet18-f37072fd.pth"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A torch cache with a file of the ImageNet weights' format under its name, and the network it was written from."""
    torch.manual_seed(5)
    net = torchvision_resnet18(weights=None)
    home = tmp_path_factory.mktemp("torch")
    file = home / "hub" / "checkpoints" / FILE
    file.parent.mkdir(parents=True)
    torch.save(net.state_dict(), file)
    return home, file, net.eval()


def test_imagenet_weights_come_from_torchs_cache_and_see_a_gray_image_as_three_equal_colours(cache, monkeypatch):
    home, _, original = cache
    monkeypatch.setenv("TORCH_HOME", str(home))
    net = build_model({"net": "resnet18"}, SHAPE).eval()
    # 11,689,512 are torchvision's; the first layer has one channel instead of three, the last 26 classes.
    assert count_parameters(net) == 11_689_512 - 2 * 64 * 49 - (512 * 1000 + 1000) + (512 * 26 + 26)
    images = torch.randn(3, 1, 28, 28)
    net.fc, original_head = original.fc, net.fc
    with torch.no_grad():
        torch.testing.assert_close(net(images), original(images.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)
    assert original_head.out_features == 26


def test_colour_images_keep_the_weights_as_they_are(cache):
    _, file, original = cache
    net = build_model({"weights": str(file)}, ImageShape(3, 32, 32, 10)).eval()
    assert torch.equal(net.conv1.weight, original.conv1.weight)


def test_a_kept_state_goes_on_whole_with_its_last_layer(tmp_path):
    first = build_model({"weights": "none"}, SHAPE)
    torch.save(first.state_dict(), tmp_path / "model.pt")
    second = build_model({"weights": str(tmp_path / "model.pt")}, SHAPE)
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


def test_missing_weights_are_told_in_one_line_that_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError) as caught:
        build_model({"net": "resnet18"}, SHAPE)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        str(tmp_path / "hub" / "checkpoints" / FILE),
        f"https://download.pytorch.org/models/{FILE}",
        "ResNet18_Weights",
        "--weights PATH",
        "--weights none",
    ):
        assert part in message


class Trap:
    """What runs when a hostile file is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('a weights file ran code')",)


@pytest.mark.parametrize(
    "content",
    [
        {"conv1.weight": Trap()},
        {"conv1.weight": torch.zeros(64)},
        {"conv1.weight": torch.zeros(64, 3, 3, 3), "fc.weight": torch.tensor(1.0)},
        {"layer": torch.zeros(3)},
        [torch.zeros(3)],
    ],
)
def test_a_wrong_file_is_told_in_one_line_and_never_run(content, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save(content, file)
    with pytest.raises(UserError) as caught:
        build_model({"weights": str(file)}, SHAPE)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_small_net_keeps_small_images_large_and_begins_as_the_identity():
    net = build_model({"net": "small", "widths": [8, 16, 32], "blocks": [1, 2, 1]}, SHAPE)
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 26)
    sides = []
    images = torch.randn(2, 1, 28, 28)
    for layer in net:
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            break
        before, images = images, layer(images)
        if type(layer).__name__ == "BasicBlock":
            sides.append(images.shape[-1])
            if layer.downsample is None:
                torch.testing.assert_close(images, before.relu())
    assert sides == [28, 14, 14, 7]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"net": "resnet19"}, "resnet18, small"),
        ({"weights": "none", "depth": 3}, "depth"),
        ({"net": "small", "widths": [8, 16], "blocks": [1]}, "of one length"),
        ({"net": "small", "widths": [], "blocks": []}, "of one length"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(options, told):
    with pytest.raises(UserError, match=told):
        build_model(options, SHAPE)


def test_the_reference_recipes_are_the_courses():
    sgd, adam = (load_recipe(KERNEL.recipes, name) for name in ("reference", "adam"))
    assert (sgd.optimizer, sgd.lr, sgd.momentum, adam.optimizer, adam.lr) == ("sgd", 1e-3, 0.9, "adam", 1e-3)
    for recipe in (sgd, adam):
        assert (recipe.epochs, recipe.batch, recipe.loss, recipe.keep) == (10, 64, "cross_entropy", "loss")
        assert (recipe.mean, recipe.std, recipe.augment, recipe.weight_decay) == ([0.5], [0.5], {}, 0)
        assert recipe.model == {"net": "resnet18", "weights": "imagenet"}


def test_the_strong_recipe_never_mirrors_a_letter_and_all_its_rungs_can_be_built():
    recipe = load_recipe(KERNEL.recipes, "strong")
    assert "flip" not in recipe.augment and "flip" not in recipe.tta and not recipe.alternating_flip
    for rung in recipe.ladder or [{}]:
        changes = {key: value for key, value in rung.items() if key != "min_epochs"}
        taken = with_changes(recipe, {**changes, "ladder": []}, "rung")
        assert build_model(taken.model, SHAPE)(torch.zeros(2, 1, 28, 28)).shape == (2, 26)
