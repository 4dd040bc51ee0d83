"""The nets of cifar10_resnet50: the weights path, what is frozen, the transforms of the course, the fast net."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import resnet50
from torchvision.transforms import v2

from baselines.cifar10_resnet50.fast_net import FastNet
from baselines.cifar10_resnet50.model import build_model
from baselines.kit.augment import create_augmentation
from baselines.kit.data import ImageShape, load_images
from baselines.kit.device import Placement
from baselines.kit.features import LooksAtImages, Probe
from baselines.kit.plan import on_rung
from baselines.kit.recipe import load_recipe, with_changes
from baselines.kit.schedules import create_schedule
from baselines.kit.summary import count_parameters
from competition.bundle import open_bundle
from competition.errors import UserError
from tests.baselines.pictures import write_pictures

SHAPE = ImageShape(3, 32, 32, 10)
RECIPES = Path(__file__).resolve().parents[3] / "baselines" / "cifar10_resnet50" / "recipes"
CPU = Placement(torch.device("cpu"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A torch cache with a file of the ImageNet weights' format under its name, and the network it was written from."""
    torch.manual_seed(5)
    net = resnet50(weights=None)
    home = tmp_path_factory.mktemp("torch")
    file = home / "hub" / "checkpoints" / "resnet50-0676ba61.pth"
    file.parent.mkdir(parents=True)
    torch.save(net.state_dict(), file)
    return home, file, net.eval()


def test_imagenet_weights_come_from_torchs_cache_and_only_the_last_layer_is_new(weights, monkeypatch):
    home, _, original = weights
    monkeypatch.setenv("TORCH_HOME", str(home))
    net = build_model({"net": "resnet50"}, SHAPE).eval()
    assert net.fc.out_features == 10
    assert count_parameters(net) == 25_557_032 - (2048 * 1000 + 1000) + (2048 * 10 + 10)
    images = torch.randn(2, 3, 64, 64)
    net.fc, kept = original.fc, net.fc
    with torch.no_grad():
        assert torch.equal(net(images), original(images))
    net.fc = kept


def test_weights_can_be_given_by_path_or_left_out(weights):
    _, file, original = weights
    net = build_model({"weights": str(file)}, SHAPE)
    assert torch.equal(net.conv1.weight, original.conv1.weight)
    assert not torch.equal(build_model({"weights": "none"}, SHAPE).conv1.weight, original.conv1.weight)


def test_missing_weights_are_told_in_one_line_that_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError) as caught:
        build_model({"net": "resnet50"}, SHAPE)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        str(tmp_path / "hub" / "checkpoints" / "resnet50-0676ba61.pth"),
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "ResNet50_Weights",
        "--weights PATH",
        "--weights none",
    ):
        assert part in message


class Trap:
    """What runs when a hostile file is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('a weights file ran code')",)


def write_wrong_file(kind: str, file: Path) -> None:
    if kind == "text":
        file.write_text("<html>not found</html>")
    elif kind == "lines":
        file.write_text("root:x:0:0\nuser:x:1:1\n")  # begins like a pickle
    elif kind == "empty":
        file.touch()
    elif kind == "code":
        torch.save({"conv1.weight": Trap()}, file)
    elif kind == "list":
        torch.save([torch.zeros(3)], file)
    elif kind == "narrower":
        from torchvision.models import resnet18

        torch.save(resnet18(weights=None).state_dict(), file)
    elif kind == "cut":
        torch.save(nn.Linear(2, 2).state_dict(), file)
        file.write_bytes(file.read_bytes()[:200])


@pytest.mark.parametrize("kind", ["text", "lines", "empty", "code", "list", "narrower", "cut", "absent"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_wrong_file_is_told_in_one_line_and_never_run(kind, suffix, tmp_path):
    file = tmp_path / f"weights.{suffix}"
    write_wrong_file(kind, file)
    with pytest.raises(UserError) as caught:
        build_model({"weights": str(file)}, SHAPE)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("train", "trained"), [("layer4", 14_964_736 + 20_490), ("head", 20_490)])
def test_a_frozen_net_computes_the_same_and_trains_only_what_it_says(weights, train, trained):
    _, file, original = weights
    net = build_model({"weights": str(file), "train": train}, SHAPE)
    assert isinstance(net, Probe)
    assert count_parameters(net) == trained
    net.head[-1] = original.fc
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(images), original(images))


def test_frozen_batch_norms_keep_their_statistics_while_the_head_trains(weights):
    net = build_model({"weights": str(weights[1]), "train": "layer4"}, SHAPE).train()
    frozen = net.body[1].running_mean.clone()
    trained = net.head[0][0].bn1.running_mean.clone()
    net(torch.randn(2, 3, 64, 64))
    assert torch.equal(net.body[1].running_mean, frozen)
    assert not torch.equal(net.head[0][0].bn1.running_mean, trained)


@pytest.mark.parametrize(
    ("options", "shape", "told"),
    [
        ({"net": "resnet51"}, SHAPE, "resnet50, fast"),
        ({"train": "layer3"}, SHAPE, "all, layer4, head"),
        ({"weights": "none"}, ImageShape(1, 28, 28, 10), "timm_template"),
        ({"net": "fast", "depth": 3}, SHAPE, "depth"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(options, shape, told):
    with pytest.raises(UserError, match=told):
        build_model(options, shape)


def test_the_reference_recipe_is_the_courses():
    recipe = load_recipe(RECIPES, "reference")
    assert (recipe.epochs, recipe.batch, recipe.lr, recipe.optimizer) == (3, 128, 1e-3, "sgd")
    assert (recipe.image_px, recipe.mean, recipe.std) == (224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert create_schedule(recipe.schedule, 3).factor(0.99) == 1.0
    assert recipe.model == {"net": "resnet50", "weights": "imagenet", "train": "all"}


def test_rates_and_decay_of_head_and_biases_go_with_the_batch_on_every_rung():
    """airbench adds up the losses of a batch; this kit takes their mean, so the same rate a picture grows with it."""
    recipe = load_recipe(RECIPES, "strong")
    for rung in recipe.ladder:
        taken = on_rung(recipe, rung, "x")
        rates = (taken.optimizer_options["head_lr"], taken.optimizer_options["bias_lr"], taken.weight_decay)
        assert [rate / taken.batch for rate in rates] == pytest.approx([0.67, 0.053, 2e-6])


def test_the_ladder_goes_down_as_declared():
    recipe = load_recipe(RECIPES, "reference")
    rungs = [with_changes(recipe, {k: v for k, v in rung.items() if k != "min_epochs"}, "x") for rung in recipe.ladder]
    assert [rung.image_px for rung in rungs] == [224, 160, 128, 128, 128]
    assert [rung.model["train"] for rung in rungs] == ["all", "all", "all", "layer4", "head"]
    assert [rung.cache_features for rung in rungs] == [False] * 4 + [True]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return open_bundle(write_pictures(tmp_path_factory.mktemp("data"), train=4, validation=2, test=2))


def test_batches_are_those_of_torchvisions_transforms(pictures):
    recipe = load_recipe(RECIPES, "reference")
    data = load_images(pictures, CPU, 42, recipe.image_px, recipe.mean, recipe.std)
    assert data.test.images.shape[1:] == (32, 32, 3)  # small in memory, enlarged inside the batch
    transform = v2.Compose([v2.Resize((224, 224), antialias=True), v2.Normalize(recipe.mean, recipe.std)])
    expected = transform(torch.from_numpy(pictures.test_images.copy()).permute(0, 3, 1, 2).float() / 255)
    found = data.batch(data.test, torch.arange(len(data.test)), CPU)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_training_augmentation_is_a_224_crop_and_a_flip_of_half_the_images():
    augment = create_augmentation(load_recipe(RECIPES, "reference").augment)
    one = torch.arange(224 * 224, dtype=torch.float32).view(1, 1, 224, 224)
    images = augment(one.expand(64, 1, 224, 224), torch.Generator().manual_seed(0))
    assert images.shape == (64, 1, 224, 224)
    flipped = [bool(image[0, 112, 100] > image[0, 112, 101]) for image in images]
    assert 18 < sum(flipped) < 46
    assert set(images.unique().tolist()) <= set(one.flatten().tolist())  # whole pixels: no resampling


def test_the_fast_net_whitens_patches():
    torch.manual_seed(0)
    smooth = nn.functional.avg_pool2d(torch.randn(200, 3, 36, 36), 5, stride=1)
    net = FastNet(SHAPE)
    assert isinstance(net, LooksAtImages)
    net.look_at(smooth)
    with torch.no_grad():
        answers = nn.functional.conv2d(smooth, net.whitening.weight)
    half = answers[:, :12].transpose(0, 1).flatten(1)
    assert torch.equal(answers[:, 12:], -answers[:, :12])
    correlation = half @ half.T / half.shape[1]
    off_diagonal = correlation - correlation.diag().diag()
    assert float(off_diagonal.abs().max()) < 0.02
    assert float(correlation.diag().max()) < 1.01  # directions of little variance stay below one


def test_the_fast_net_begins_as_identities_and_has_the_records_widths():
    net = FastNet(SHAPE)
    convolutions = [module for module in net.stages if isinstance(module, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        (24, 64), (64, 64), (64, 256), (256, 256), (256, 256), (256, 256),
    ]  # fmt: skip
    image = torch.randn(1, 64, 5, 5)
    torch.testing.assert_close(convolutions[2](image)[:, :64], image)
    norms = [module for module in net.stages if isinstance(module, nn.BatchNorm2d)]
    assert not any(norm.weight.requires_grad for norm in norms)
    assert net(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert math.isclose(net.head.weight.std().item(), 1.0, rel_tol=1e-4)
