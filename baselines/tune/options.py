"""Command-line options that the tools of this package share: which kernel, on what data, from which recipe."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit.kernel import Kernel, base_options
from competition.errors import UserError

if TYPE_CHECKING:
    from baselines.kit.recipe import Recipe
    from competition.bundle import Bundle


def tuning_options(name: str, about: str, epilog: str) -> argparse.ArgumentParser:
    """A parser with the kernel's name, data, output, budget, seed, recipe and device."""
    parser = base_options(name, about, [], "")
    parser.epilog = epilog
    parser.add_argument("kernel", metavar="KERNEL", help="a baseline's name, as fontchar_bottleneck, or a folder")
    training = parser.add_argument_group("training")
    training.add_argument("--recipe", default="reference", metavar="NAME", help="where it starts from (reference)")
    training.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change a value of the recipe first, as --set epochs=5; may be repeated",
    )  # fmt: skip
    training.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps (auto)")
    training.add_argument("--threads", type=int, metavar="N", help="CPU threads (all cores this process may use)")
    return parser


def starting_recipe(kernel: Kernel, options: argparse.Namespace) -> "Recipe":
    """The recipe that `--recipe` and `--set` name."""
    from baselines.kit.recipe import load_recipe

    return load_recipe(kernel.recipes, options.recipe, options.settings)


def opened_bundle(folder: Path | None) -> "Bundle":
    """The bundle that `--data` names, with a label set and images.

    Raises:
        UserError: no folder was given, or it holds no bundle of images.
    """
    from competition.bundle import open_bundle

    if folder is None:
        raise UserError("no data: give --data FOLDER, the bundle that `grader prepare` made (or set GRADER_BUNDLE)")
    bundle = open_bundle(folder)
    if not bundle.rules.labels:
        raise UserError(f"{folder}: no label set; only classification kernels are tuned")
    return bundle
