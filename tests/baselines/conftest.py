"""Fixtures of the baselines' tests."""

from pathlib import Path

import pytest
import torch

from competition.bundle import Bundle, open_bundle
from tests.baselines.glyphs import write_bundle


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle of four letters, 160 training images of 16x16."""
    return write_bundle(tmp_path_factory.mktemp("glyphs"))


@pytest.fixture
def bundle(glyphs: Path) -> Bundle:
    return open_bundle(glyphs)
