"""Kernel folders: one leaves the size of the images to its model, which takes no other one; one takes for ever."""

from pathlib import Path

SIDE = 8
_MAIN = f"""
from pathlib import Path

from torch import nn

from baselines.kit.kernel import Kernel
from baselines.kit.recipe import with_changes
from competition.errors import UserError


def build(recipe, shape):
    if (shape.height, recipe.mean) != ({SIDE}, [0.5]):
        raise UserError(f"trained with {{shape.height}} pixels and mean {{recipe.mean}}")
    return nn.Sequential(nn.Flatten(), nn.Linear({SIDE**2}, 16), nn.ReLU(), nn.Linear(16, shape.classes))


def complete(recipe, shape):
    own = {{"image_px": {SIDE}, "mean": [0.5]}}
    return with_changes(recipe, {{key: own[key] for key in own if key not in recipe.model_fields_set}}, "completing")


KERNEL = Kernel("completing", "For a test.", Path(__file__).parent / "recipes", build, complete)
"""


_WAITING = """
import time
from pathlib import Path

from torch import nn

from baselines.kit.kernel import Kernel


def build(recipe, shape):
    if recipe.lr not in (PATIENT,):
        time.sleep(600)
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.height * shape.width, shape.classes))


KERNEL = Kernel("waiting", "For a test.", Path(__file__).parent / "recipes", build)
"""


def write_kernel(parent: Path) -> Path:
    """Write the kernel's folder; its only recipe is `reference`."""
    return _write(parent / "completing_kernel", _MAIN)


def write_waiting_kernel(parent: Path, patient: float | None) -> Path:
    """Write the folder of a kernel that takes ten minutes to build its model, but not at the rate `patient`."""
    return _write(parent / "waiting_kernel", _WAITING.replace("PATIENT", str(patient)))


def _write(folder: Path, main: str) -> Path:
    (folder / "recipes").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__main__.py").write_text(main)
    (folder / "recipes" / "reference.yaml").write_text("{epochs: 3, batch: 16, lr: 0.01, precision: fp32}\n")
    (folder / "space.yaml").write_text("lr: {times: [0.5, 2]}\n")
    return folder
