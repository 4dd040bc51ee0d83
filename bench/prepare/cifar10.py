"""How fast CIFAR-10 is prepared from 60,000 JPEGs, against torchvision and Pillow.

    python -m bench.prepare.cifar10 ../shared/data/cifar10_images.zip --rounds 5

Three things are timed, each in a process of its own, one after the other in every round, on the same cores:

- prepare: `grader prepare`, from the zip to bundle and vault, imports included.
- loop: torchvision's ImageFolder and Pillow in a loop over the unpacked files, into one array; imports and unpacking
  are not counted, in its favour.
- decode: nothing but Pillow decoding bytes that are in memory already, split over all cores.

Prints JSON: medians, the two ratios that matter (loop / prepare, to be 2.5 or more, and prepare / decode, to be 2 or
less), and every time.
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
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

GRADER = Path(sys.executable).with_name("grader")


def prepare(source: Path, work: Path) -> float:
    """Seconds of a whole `grader prepare`, bundle and vault written."""
    fresh = Path(tempfile.mkdtemp(dir=work))
    where = {"GRADER_HOME": f"{fresh}/home", "GRADER_DATA": f"{fresh}/data", "GRADER_CACHE": f"{fresh}/cache"}
    start = time.perf_counter()
    command = [str(GRADER), "prepare", "cifar10", "--source", str(source)]
    subprocess.run(command, check=True, env=os.environ | where, capture_output=True)
    took = time.perf_counter() - start
    shutil.rmtree(fresh)
    return took


def loop(unpacked: Path) -> float:
    """Seconds of ImageFolder and Pillow in a loop."""
    from torchvision.datasets import ImageFolder

    start = time.perf_counter()
    images = [np.asarray(image) for part in ("train", "test") for image, _ in ImageFolder(unpacked / "cifar" / part)]
    array = np.stack(images)
    took = time.perf_counter() - start
    assert array.shape == (60_000, 32, 32, 3)
    return took


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


MEASURES: dict[str, Callable[[Path, Path], float]] = {
    "prepare": prepare,
    "loop": lambda source, work: loop(work / "unpacked"),
    "decode": lambda source, work: decode(source),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="cifar10_images.zip")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(MEASURES[options.measure](options.source, options.work))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(options.source.resolve(), Path(folder), options.rounds)


def report(source: Path, work: Path, rounds: int) -> None:
    with zipfile.ZipFile(source) as archive:
        archive.extractall(work / "unpacked")
    seconds: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(rounds):
        for name in MEASURES:
            command = [sys.executable, __file__, str(source), "--work", str(work), "--measure", name]
            seconds[name].append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    result = {
        "cores": len(os.sched_getaffinity(0)),
        "seconds": {name: round(value, 3) for name, value in medians.items()},
        "loop / prepare": round(medians["loop"] / medians["prepare"], 2),
        "prepare / decode": round(medians["prepare"] / medians["decode"], 2),
        "all": {name: [round(value, 3) for value in times] for name, times in seconds.items()},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
