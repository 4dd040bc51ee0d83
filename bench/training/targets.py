"""The targets of fashion_mnist, letters and the stand-in for STL-10: whole processes, three seeds, medians.

    grader prepare fashion_mnist --source ../shared/data/fashion-mnist
    grader prepare letters --source ../shared/data
    python bench/training/stl10_stand_in.py --source ../shared/data/cifar10_images.zip
    python bench/training/targets.py fashion_mnist letters stl10_stand_in

Prints one table a competition. All three together take about four hours; --seeds 42 --budget-scale 0.2 is a rehearsal.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from baselines.kit.budget import parse_duration

_SCRIPT = Path(__file__).with_name("accuracy_in_budget.py")
_NO_WEIGHTS = ("--set", "model.weights=none")


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel with a recipe in a budget, and what it is to reach."""

    kernel: str
    recipe: str
    budget: str
    target: str = ""
    more: tuple[str, ...] = ()


CASES = {
    "fashion_mnist": (
        Case("fashion_cnn", "strong", "15s", "90.07 % on the test part"),
        Case("fashion_cnn", "strong", "10m", "94.0 % on the test part"),
        Case("fashion_cnn", "reference", "10m"),
    ),
    "letters": (
        Case("letters_resnet18", "reference", "10m", more=_NO_WEIGHTS),
        Case("letters_resnet18", "adam", "10m", more=_NO_WEIGHTS),
        Case("letters_resnet18", "strong", "10m", "more than both, outside the noise of the seeds"),
    ),
    "stl10_stand_in": (
        *(Case("stl10_mlp", version, "10m") for version in ("v1", "v2", "v3", "v4")),
        Case("stl10_mlp", "strong", "10m", "more than v3, outside the noise of the seeds"),
    ),
}


def main() -> None:
    options = _options()
    for competition in options.competitions:
        for case in CASES[competition]:
            told = f", target: {case.target}" if case.target else ""
            print(f"\n{competition}, {case.recipe} in {case.budget}{told}", flush=True)
            subprocess.run(_command(options, competition, case), check=True)


def _command(options: argparse.Namespace, competition: str, case: Case) -> list[str]:
    budget = f"{options.budget_scale * parse_duration(case.budget):g}s"
    command = [sys.executable, str(_SCRIPT), "--data", str(options.data / competition)]
    command += ["--kernel", f"baselines.{case.kernel}", "--recipes", case.recipe, "--budgets", budget]
    command += ["--out", str(options.out / competition), "--seeds", *map(str, options.seeds)]
    solution = options.home / "vault" / competition / "solution.csv"
    command += ["--solution", str(solution)] if solution.exists() else []
    command += ["--busy"] if options.busy else []
    return [*command, "--", *case.more] if case.more else command


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("competitions", nargs="+", choices=CASES, metavar="COMPETITION", help=", ".join(CASES))
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the bundles")
    parser.add_argument(
        "--home", type=Path, default=Path(".grader"), help="state folder, whose solutions are scored by"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--budget-scale", type=float, default=1.0, help="factor of all budgets")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--busy", action="store_true", help="measure although the machine is not quiet")
    return parser.parse_args()


if __name__ == "__main__":
    main()
