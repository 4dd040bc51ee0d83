"""What the tests of all packages share."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A slow example on a busy machine is no failure: time is measured in bench/, never in tests. The same examples in every
# run: a test that fails by chance holds up a change that has nothing to do with it. The longer proofs search at random.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def missing(reason: str) -> None:
    """Skip a test whose real part is not on this machine; in CI every real part must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have this: {reason}")
    pytest.skip(reason)


def required(module: str) -> Any:
    """A module without which the tests that need it are skipped; in CI it must be there."""
    return import_module(module) if os.environ.get("CI") == "true" else pytest.importorskip(module)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the checkout (`../shared/data`)."""
    if not SHARED_DATA.is_dir():
        missing("no real images at ../shared/data")
    return SHARED_DATA
