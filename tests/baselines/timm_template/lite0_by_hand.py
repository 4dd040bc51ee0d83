"""EfficientNet-Lite0 computed from the tensors of the PyPI package, layer by layer: no part of timm is used.

After the definition in TensorFlow's repository (`tpu/models/official/efficientnet/lite`): EfficientNet-B0 without
squeeze and excitation, ReLU6 for Swish, padding SAME, batch norms with epsilon 0.001.
"""

from torch import Tensor
from torch.nn import functional

# Blocks, kernel, stride of the first block, output channels of each stage.
STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))


def same(images: Tensor, weight: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    """A convolution padded as TensorFlow's SAME: the odd pixel is added at the right and at the bottom."""
    kernel = weight.shape[-1]
    padding = []
    for side in (images.shape[3], images.shape[2]):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        padding += [missing // 2, missing - missing // 2]
    return functional.conv2d(functional.pad(images, padding), weight, stride=stride, groups=groups)


def logits(images: Tensor, state: dict[str, Tensor]) -> Tensor:
    """N x 1000 logits of normalised images."""

    def norm(values: Tensor, name: str) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(values, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-3)

    def block(values: Tensor, name: str, stride: int) -> Tensor:
        inputs = values
        if f"{name}._expand_conv.weight" in state:
            values = norm(same(values, state[f"{name}._expand_conv.weight"]), f"{name}._bn0").clamp(0, 6)
        depthwise = state[f"{name}._depthwise_conv.weight"]
        values = norm(same(values, depthwise, stride, len(depthwise)), f"{name}._bn1").clamp(0, 6)
        values = norm(same(values, state[f"{name}._project_conv.weight"]), f"{name}._bn2")
        return values + inputs if values.shape == inputs.shape else values

    values = norm(same(images, state["_conv_stem.weight"], 2), "_bn0").clamp(0, 6)
    number = 0
    for blocks, kernel, stride in STAGES:
        for at in range(blocks):
            name = f"_blocks.{number}"
            assert state[f"{name}._depthwise_conv.weight"].shape[-1] == kernel
            values = block(values, name, stride if at == 0 else 1)
            number += 1
    values = norm(same(values, state["_conv_head.weight"]), "_bn1").clamp(0, 6).mean((2, 3))
    return functional.linear(values, state["_fc.weight"], state["_fc.bias"])
