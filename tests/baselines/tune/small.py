"""A search small enough for a test: a net of two layers on glyphs of 16x16, with a rate that learns nothing."""

from pathlib import Path

from baselines.kit.recipe import Recipe, load_recipe
from baselines.tune.kernels import find_kernel

KERNEL = "fontchar_bottleneck"
BAD_RATE = 1e-6
SETTINGS = [
    "ladder=[]", "image_px=16", "batch=16", "epochs=4", "precision=fp32", "deterministic=true", "evaluations=4",
    "model.widths=[8,16]", "model.pool_after=[1]", f"lr={BAD_RATE}",
]  # fmt: skip
SPACE = "lr: {low: 1.0e-6, high: 0.1, log: true}\nlabel_smoothing: {low: 0.0, high: 0.2}\n"


def options(*more: str) -> list[str]:
    return [KERNEL, "--recipe", "strong", "--device", "cpu", "--threads", "1", *more, *flags(SETTINGS)]


def flags(settings: list[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def recipe(*changes: str) -> Recipe:
    return load_recipe(find_kernel(KERNEL).recipes, "strong", [*SETTINGS, *changes])


def space_file(folder: Path, text: str = SPACE) -> Path:
    path = folder / "space.yaml"
    path.write_text(text)
    return path
