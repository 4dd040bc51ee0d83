"""How busy other processes keep this machine: two readings, one before the imports and one after."""

import os
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds used so far on the whole machine and by this process, at a moment."""

    moment: float
    machine_seconds: float
    own_seconds: float

    @classmethod
    def take(cls) -> "CpuReading":
        """A reading of this moment."""
        import psutil

        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # Guests are counted within user time already.
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        return cls(time.monotonic(), sum(times) - idle - guests, sum(os.times()[:2]))

    def others_since(self, before: "CpuReading") -> float:
        """Mean number of cores that other processes kept busy between two readings."""
        passed = self.moment - before.moment
        if passed < 0.2:  # the kernel counts in hundredths of a second
            return 0.0
        machine, own = self.machine_seconds - before.machine_seconds, self.own_seconds - before.own_seconds
        return max(0.0, (machine - own) / passed)
