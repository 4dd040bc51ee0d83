"""The machine of a run, without which its figures say little."""

import os
import platform
from pathlib import Path
from typing import Any

_LINUX_CPUS = Path("/proc/cpuinfo")


def describe_machine(others_busy: float) -> dict[str, Any]:
    """Processor, its cores, and how many of them other processes kept busy when the run began."""
    return {"processor": processor(), "cores": os.cpu_count(), "busy_with_others": round(others_busy, 1)}


def processor() -> str:
    """The processor's model, or its architecture where the system does not tell the model."""
    lines = _LINUX_CPUS.read_text(encoding="utf-8", errors="replace").splitlines() if _LINUX_CPUS.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()
