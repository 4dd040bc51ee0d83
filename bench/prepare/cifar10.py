"""How fast CIFAR-10 is prepared from 60,000 JPEGs, against torchvision and Pillow.

    python -m bench.prepare.cifar10 ../shared/data/cifar10_images.zip --rounds 5

Timed, each in a process of its own, on the same cores; all but `unpack` one after the other in every round:

- prepare: `grader prepare`, from the zip to bundle and vault.
- loop: a program that fills one array by torchvision's ImageFolder and Pillow in a loop, from files unpacked before;
  and, of that, the loop without the imports.
- decode: nothing but Pillow decoding bytes that are in memory already, split over all cores (the slowest core counts).
- unpack: what `loop` needs beforehand, by zipfile.

Prints JSON: medians of the seconds on the wall, the ratios of medians, every time, and the load of the machine when it
began.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

GRADER = Path(sys.executable).with_name("grader")
LOOP = """
import sys, time
import numpy as np
from torchvision.datasets import ImageFolder
start = time.perf_counter()
images = [np.asarray(image) for part in ("train", "test") for image, _ in ImageFolder(f"{sys.argv[1]}/{part}")]
assert np.stack(images).shape == (60_000, 32, 32, 3)
print(time.perf_counter() - start)
"""


def prepare(source: Path, work: Path) -> float:
    """Seconds of a whole `grader prepare`, bundle and vault written."""
    fresh = Path(tempfile.mkdtemp(dir=work))
    where = {"GRADER_HOME": f"{fresh}/home", "GRADER_DATA": f"{fresh}/data", "GRADER_CACHE": f"{fresh}/cache"}
    took = whole_process([str(GRADER), "prepare", "cifar10", "--source", str(source)], where)[0]
    shutil.rmtree(fresh)
    return took


def whole_process(command: list[str], variables: dict[str, str]) -> tuple[float, str]:
    """Seconds of a process from start to end, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, env=os.environ | variables, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def unpack(source: Path, into: Path) -> float:
    """Seconds to unpack the archive as ImageFolder needs it."""
    start = time.perf_counter()
    with zipfile.ZipFile(source) as archive:
        archive.extractall(into)
    return time.perf_counter() - start


def decode(source: Path) -> float:
    """Seconds in which all cores decode what lies in memory; the slowest counts."""
    with zipfile.ZipFile(source) as archive:
        encoded = [archive.read(info) for info in archive.infolist() if not info.is_dir()]
    cores = len(os.sched_getaffinity(0))
    context = get_context("fork")
    barrier, times = context.Barrier(cores), context.Queue()

    def work(part: list[bytes]) -> None:
        barrier.wait()
        start = time.perf_counter()
        for data in part:
            np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        times.put(time.perf_counter() - start)

    workers = [context.Process(target=work, args=(encoded[core::cores],)) for core in range(cores)]
    for worker in workers:
        worker.start()
    return max(times.get() for _ in workers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="cifar10_images.zip")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(options.source.resolve(), Path(folder), options.rounds)


def report(source: Path, work: Path, rounds: int) -> None:
    load = os.getloadavg()[0]
    seconds: dict[str, list[float]] = {"unpack": [unpack(source, work / "unpacked")]}
    for _ in range(rounds):
        whole, loop_alone = whole_process([sys.executable, "-c", LOOP, str(work / "unpacked" / "cifar")], {})
        times = {
            "prepare": prepare(source, work),
            "loop": whole,
            "loop alone": float(loop_alone),
            "decode": decode(source),
        }
        for name, value in times.items():
            seconds.setdefault(name, []).append(value)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ratios = {
        "(unpack + loop) / prepare": (medians["unpack"] + medians["loop"]) / medians["prepare"],
        "loop / prepare": medians["loop"] / medians["prepare"],
        "loop alone / prepare": medians["loop alone"] / medians["prepare"],
        "prepare / decode": medians["prepare"] / medians["decode"],
    }
    result = {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(load, 1),
        "medians": {name: round(value, 3) for name, value in medians.items()},
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
        "all": {name: [round(value, 3) for value in times] for name, times in seconds.items()},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
