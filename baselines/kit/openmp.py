"""How long the idle threads of OpenMP, with which torch computes on a CPU, keep their cores busy with waiting."""

import os
import sys

# GNU's OpenMP lets a thread look for work 300,000 times before it sleeps: milliseconds in which its core is lost to
# every other thread of the process. After 2,000 looks, some tens of microseconds, the next layer has mostly begun.
_LOOKS = 2_000


def let_idle_threads_sleep() -> None:
    """Have idle threads sleep early, unless the environment says something else.

    OpenMP reads the environment once, when torch loads it: this has to come before.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(_LOOKS))


def idle_threads_sleep() -> bool:
    """Whether idle threads leave their cores to others, as far as the environment tells."""
    looks = os.environ.get("GOMP_SPINCOUNT", "")
    if looks:
        return looks.isdecimal() and int(looks) <= _LOOKS
    return os.environ.get("OMP_WAIT_POLICY", "").lower() == "passive"
