"""Any timm model: real weights under other names, the model's own data configuration, what is trained and how fast."""

import pytest
import timm
import torch
from torch import nn

from baselines.kit.data import ImageShape, load_images
from baselines.kit.device import Placement
from baselines.kit.features import Probe
from baselines.kit.optimizers import create_optimizer
from baselines.kit.recipe import Recipe, load_recipe, parse_recipe
from baselines.kit.summary import count_parameters
from baselines.timm_template.model import build_model, complete
from competition.bundle import open_bundle
from competition.errors import UserError
from tests.baselines.glyphs import ROOT
from tests.baselines.pictures import write_pictures
from tests.baselines.timm_template import lite0_by_hand

RECIPES = ROOT / "baselines" / "timm_template" / "recipes"
LITE0 = "tf_efficientnet_lite0"
SMALL = ImageShape(3, 32, 32, 4)


def test_real_imagenet_weights_under_other_names_give_the_outputs_computed_by_hand(lite0_weights):
    torch.manual_seed(0)
    state = torch.load(lite0_weights, weights_only=True)
    shape = ImageShape(3, 96, 96, 1000)
    body = build_model({"name": LITE0, "weights": str(lite0_weights), "train": "head"}, shape).body
    whole = timm.create_model(LITE0)
    whole.load_state_dict(
        {**body.state_dict(), "classifier.weight": state["_fc.weight"], "classifier.bias": state["_fc.bias"]}
    )
    images = torch.rand(3, 3, 96, 96) * 2 - 1
    with torch.no_grad():
        expected = lite0_by_hand.logits(images, state)
        torch.testing.assert_close(whole.eval()(images), expected, rtol=1e-3, atol=1e-3)
    assert float(expected.abs().max()) > 1  # not zeros compared with zeros


@pytest.mark.parametrize("train", ["all", "head"])
@pytest.mark.parametrize("shape", [ImageShape(1, 28, 28, 26), ImageShape(3, 32, 32, 10)])
def test_real_weights_fit_gray_and_coloured_images_and_any_number_of_classes(lite0_weights, train, shape):
    model = build_model({"name": LITE0, "weights": str(lite0_weights), "train": train}, shape)
    assert model(torch.randn(2, shape.channels, shape.height, shape.width)).shape == (2, shape.classes)
    state = torch.load(lite0_weights, weights_only=True)
    stem = (model.body if train == "head" else model).conv_stem.weight.detach()
    expected = state["_conv_stem.weight"] if shape.channels == 3 else state["_conv_stem.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(stem, expected)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet10t", SMALL),
        ("convnext_atto", ImageShape(1, 32, 32, 4)),
        ("vit_tiny_patch16_224", ImageShape(3, 48, 48, 4)),
        ("mobilenetv4_conv_small", ImageShape(1, 32, 32, 4)),
    ],
)
@pytest.mark.parametrize("train", ["all", "head", 1])
def test_other_families_learn_from_random_weights(name, shape, train):
    torch.manual_seed(0)
    model = build_model({"name": name, "weights": "none", "train": train}, shape).train()
    images = torch.randn(8, shape.channels, shape.height, shape.width)
    target = torch.arange(8) % 4
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_a_pretrained_model_starts_from_a_last_layer_of_zeros(lite0_weights):
    model = build_model({"name": LITE0, "weights": str(lite0_weights)}, SMALL).eval()
    assert torch.equal(model(torch.randn(2, 3, 32, 32)), torch.zeros(2, 4))


def test_frozen_layers_stay_with_their_statistics_and_the_last_ones_move(lite0_weights):
    model = build_model({"name": LITE0, "weights": str(lite0_weights), "train": 2}, SMALL).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = create_optimizer(model, parse_recipe({"optimizer": "adamw", "lr": 0.01}, "test"))
    for _ in range(2):  # from zeros, the first step moves the last layer only
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(8, 3, 32, 32)), torch.arange(8) % 4).backward()
        optimizer.step()
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    last = ("blocks.5.3.", "blocks.6.0.", "conv_head.", "bn2.", "classifier.")
    assert {prefix for prefix in last for name in changed if name.startswith(prefix)} == set(last)
    assert all(name.startswith(last) for name in changed)  # running statistics among them


def trained(name: str, train: object) -> set[str]:
    model = build_model({"name": name, "weights": "none", "train": train}, SMALL)
    return {key for key, parameter in model.named_parameters() if parameter.requires_grad}


def test_a_share_of_the_layers_suits_any_depth():
    rung = next(rung for rung in load_recipe(RECIPES, "strong").ladder if rung["min_epochs"] == 1.2)
    share = rung["model"]["train"]
    assert trained(LITE0, share) == trained(LITE0, 11)  # of 17
    assert trained("resnet18", share) == trained("resnet18", 6)  # of nine, eight of them blocks
    assert trained("resnet18", 6) < trained("resnet18", 11) == trained("resnet18", "all")
    assert trained("resnet18", 0.01) == trained("resnet18", 1)


def test_a_linear_probe_trains_one_layer(lite0_weights):
    model = build_model({"name": LITE0, "weights": str(lite0_weights), "train": "head"}, SMALL)
    assert isinstance(model, Probe)
    assert count_parameters(model) == 1280 * 4 + 4


def test_deeper_layers_get_smaller_rates():
    model = build_model({"name": LITE0, "weights": "none"}, SMALL)
    recipe = load_recipe(RECIPES, "strong")
    optimizer = create_optimizer(model, recipe)
    scale = {id(p): group["lr_scale"] for group in optimizer.param_groups for p in group["params"]}
    order = [
        model.conv_stem.weight,
        model.blocks[1][0].conv_dw.weight,
        model.blocks[5][0].conv_dw.weight,
        model.classifier.weight,
    ]
    scales = [scale[id(parameter)] for parameter in order]
    assert scales == sorted(scales)
    assert scales[0] < 0.5 < scales[-1] == 1.0


def test_a_recipe_takes_the_models_own_data_configuration_and_keeps_what_it_says_itself():
    recipe = complete(parse_recipe({"model": {"name": LITE0}}, "test"), ImageShape(3, 32, 32, 10))
    assert (recipe.image_px, recipe.mean, recipe.std, recipe.interpolation) == (224, [0.5] * 3, [0.5] * 3, "bicubic")
    resnet = complete(parse_recipe({"model": {"name": "resnet50.tv_in1k"}, "image_px": 64}, "test"), SMALL)
    assert (resnet.image_px, resnet.mean, resnet.interpolation) == (64, [0.485, 0.456, 0.406], "bilinear")
    gray = complete(parse_recipe({"model": {"name": "resnet50.tv_in1k"}}, "test"), ImageShape(1, 28, 28, 10))
    assert gray.mean == [pytest.approx(0.449)]
    five = complete(Recipe(model={"name": LITE0}), ImageShape(5, 32, 32, 2))
    assert five.mean is None  # measured


def test_batches_are_those_of_timms_own_evaluation_transform(tmp_path):
    from PIL import Image
    from timm.data import create_transform

    bundle = open_bundle(write_pictures(tmp_path, train=4, validation=2, test=2))
    recipe = complete(parse_recipe({"model": {"name": LITE0}}, "test"), ImageShape(3, 32, 32, 4))
    placement = Placement(torch.device("cpu"))
    data = load_images(bundle, placement, 42, recipe.image_px, recipe.mean, recipe.std, recipe.interpolation)
    found = data.batch(data.test, torch.arange(len(data.test)), placement)
    transform = create_transform(224, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1.0)
    expected = torch.stack([transform(Image.fromarray(picture)) for picture in bundle.test_images])
    apart = (found - expected)[expected.abs() < 0.95].abs()
    assert apart.mean() < 0.005
    assert (apart > 0.03).float().mean() < 0.01  # PIL rounds to whole values, and cuts what overshoots after each axis


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "efficientnet_lite_0"}, "did you mean"),
        ({"name": ""}, "no model"),
        ({"name": LITE0, "weights": "none", "depht": 3}, "depht"),
        ({"name": LITE0, "weights": "none", "train": "half"}, "all, head or the number"),
        ({"name": LITE0, "weights": "none", "train": 0}, "all, head or the number"),
        ({"name": LITE0, "weights": "none", "train": 1.5}, "all, head or the number"),
        ({"name": LITE0, "weights": "/nowhere/weights.pth"}, "no weights here"),
    ],
)
def test_a_wrong_wish_is_told_in_one_line(options, told):
    with pytest.raises(UserError, match=told) as caught:
        build_model(options, SMALL)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_told(lite0_weights, tmp_path):
    with pytest.raises(UserError, match="not weights of resnet10t"):
        build_model({"name": "resnet10t", "weights": str(lite0_weights)}, SMALL)
    state = torch.load(lite0_weights, weights_only=True)
    state.popitem()
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(UserError, match="295 tensors"):
        build_model({"name": LITE0, "weights": str(tmp_path / "short.pth")}, SMALL)


def test_weights_that_are_not_in_the_cache_are_told_with_the_way_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as caught:
        build_model({"name": "resnet10t.c3_in1k", "weights": "timm"}, SMALL)
    assert "create_model('resnet10t.c3_in1k', pretrained=True)" in str(caught.value)


def test_weights_in_torchs_cache_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = LITE0
    url = timm.get_pretrained_cfg(name).url
    file = tmp_path / "hub" / "checkpoints" / url.rsplit("/", 1)[-1]
    file.parent.mkdir(parents=True)
    torch.manual_seed(3)
    original = timm.create_model(name)
    torch.save(original.state_dict(), file)
    model = build_model({"name": name, "weights": "timm"}, SMALL)
    assert torch.equal(model.conv_stem.weight, original.conv_stem.weight)
