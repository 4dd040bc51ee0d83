"""What the tests of all packages share."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def missing(reason: str) -> None:
    """Skip a test whose real part is not on this machine; in CI every real part must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have this: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the checkout (`../shared/data`)."""
    if not SHARED_DATA.is_dir():
        missing("no real images at ../shared/data")
    return SHARED_DATA
