"""Where downloads are kept and unfinished work lies: `GRADER_CACHE`, else the user's own cache folder."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder, which may not exist yet."""
    if chosen := os.environ.get("GRADER_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "competition-grader"


def scratch_folder() -> Path:
    """The part of the cache that may be deleted at any time when nothing runs."""
    return cache_folder() / "unfinished"
