"""Command-line options that the tools of this package share: which kernel, on what data, from which recipe."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit.claim import bundle_identity
from baselines.kit.kernel import Kernel, base_options, thread_count
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
    training.add_argument("--threads", type=thread_count, metavar="N", help="CPU threads (all cores it may use)")
    return parser


def measuring_options(name: str, about: str, epilog: str) -> argparse.ArgumentParser:
    """As `tuning_options`, for a tool that measures and leaves no submission."""
    shared = tuning_options(name, about, epilog)
    parser = argparse.ArgumentParser(
        prog=shared.prog, description=about, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared], add_help=False, conflict_handler="resolve",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", default=shared.get_default("out"),
        help="where what is measured goes; no submission.csv (environment: GRADER_OUT; runs/NAME)",
    )  # fmt: skip
    return parser


def starting_recipe(kernel: Kernel, options: argparse.Namespace) -> "Recipe":
    """The recipe that `--recipe` and `--set` name; imports no torch, so that a wrong one is told at once."""
    from baselines.kit.recipe import load_recipe

    return load_recipe(kernel.recipes, options.recipe, options.settings)


def completed_recipe(kernel: Kernel, options: argparse.Namespace, bundle: "Bundle") -> "Recipe":
    """The recipe that a run of the kernel would train with: what it leaves to the model is filled in.

    This has to come before any value is changed: a recipe that went through `model_dump` leaves nothing open.
    """
    recipe = starting_recipe(kernel, options)
    if kernel.complete is None:
        return recipe
    from baselines.kit.session import stored_shape

    return kernel.complete(recipe, stored_shape(bundle))


def identity(
    kernel: Kernel, recipe: "Recipe", bundle: "Bundle", options: argparse.Namespace, **more: Any
) -> dict[str, Any]:
    """What must stay the same where earlier results are gone on with, as plain values.

    Args:
        kernel: what is trained.
        recipe: the starting one; only what it names itself, since the rest may be the model's.
        bundle: what is trained on.
        options: the seed.
        more: what else a tool depends on.
    """
    found = {
        "kernel": kernel.name,
        **bundle_identity(bundle),
        "recipe": recipe.model_dump(mode="json", exclude_unset=True),
        "seed": options.seed,
        **more,
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))  # as it is read back
    return plain


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of what an earlier identity has otherwise."""
    return [name for name, value in now.items() if before.get(name) != value]


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
