"""The grid of the course, 18 runs in one budget: 3 models x 2 losses x 3 optimizers, one table and one loss plot.

    python -m baselines.fashion_cnn.grid --data data/fashion_mnist --out runs/fashion_grid --budget 30m --epochs 10

Started again with the same --out it goes on where it was stopped, and repeats the cells that a budget cut short.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.fashion_cnn.__main__ import KERNEL, build
from baselines.fashion_cnn.cells import CELLS, REPORTED, Cell, recipe_changes
from baselines.kit import files
from baselines.kit.budget import Clock, show_duration
from baselines.kit.claim import claim_comparison
from baselines.kit.kernel import base_options, run_in_budget, thread_count
from baselines.kit.load import CpuReading

if TYPE_CHECKING:
    from baselines.fashion_cnn.results import CellResult
    from competition.bundle import Bundle

_SMALLEST_SHARE = 2.0  # seconds below which a cell could not even read the images
_DRAWING = 0.8  # of the time the imports took: measured, drawing slows down with the machine as they do


@dataclass(frozen=True, slots=True)
class Grid:
    """Everything that the cells of one grid share."""

    bundle: "Bundle"
    out: Path
    epochs: float
    seed: int
    device: str
    threads: int | None
    others_busy: float

    def folder(self, cell: Cell) -> Path:
        """Where a cell's run lies."""
        return self.out / "cells" / cell.name


def main(arguments: list[str] | None = None) -> int:
    """Run the grid from its command line; returns the exit code."""
    options = command_line().parse_args(arguments)
    work = lambda bundle, clock: run_grid(options, bundle, clock)  # noqa: E731
    return run_in_budget(options, work, lambda bundle: _claim(options, bundle))


def command_line() -> argparse.ArgumentParser:
    """The shared options and the grid's own."""
    name, about = "baselines.fashion_cnn.grid", "Compare 3 models x 2 losses x 3 optimizers in one budget."
    examples = [f"python -m {name} --data data/fashion_mnist --budget 60m --epochs 10"]
    parser = base_options(name, about, examples, "grid.csv, grid.md, the plot of losses and a folder a run")
    parser.add_argument("--epochs", type=float, default=10, metavar="N", help="epochs of each of the 18 runs (10)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--threads", type=thread_count, metavar="N", help="CPU threads (the cores others leave free)")
    return parser


def run_grid(options: argparse.Namespace, bundle: "Bundle", clock: Clock) -> None:
    """Train what is missing, keep table and submission up to date, draw the plot at the end."""
    _claim(options, bundle)
    before, imports_began = CpuReading.take(), time.monotonic()
    import baselines.kit.session  # noqa: F401 - torch is imported now, so that its time is known
    from baselines.fashion_cnn.plot import draw_losses
    from baselines.fashion_cnn.results import markdown, write_table

    others = CpuReading.take().others_since(before)
    grid = Grid(bundle, options.out, options.epochs, options.seed, options.device, options.threads, others)
    drawing_seconds = max(1.0, _DRAWING * (time.monotonic() - imports_began))
    results = finished(grid)
    _hand_in_best(grid, results)
    missing = [cell for cell in CELLS if not _is_complete(results.get(cell), grid)]
    for position, cell in enumerate(missing):
        # What a quick cell leaves of its share goes to the slower ones behind it.
        share = (clock.remaining - drawing_seconds) / (len(missing) - position)
        if share < _SMALLEST_SHARE:
            print(f"no time was left for {cell.title}: give a longer --budget, the same --out goes on", file=sys.stderr)
            break
        # What was faster for the first cell holds for all: rows of two precisions could not be compared.
        precision = next((result.precision for result in results.values()), "auto")
        _train_cell(grid, cell, precision, Clock.starting_now(share))
        results = finished(grid)
        _tell(cell, results.get(cell), clock)
        write_table(grid.out, results)
        _hand_in_best(grid, results)
    print(markdown(results))
    if results:
        print(f"\n{draw_losses(grid.out, results)}, {grid.out / 'grid.csv'}, {grid.out / 'grid.md'}")


def finished(grid: Grid) -> "dict[Cell, CellResult]":
    """The cells that were run to their end or to that of their share, in the order of the table."""
    from baselines.fashion_cnn.results import read_result

    found = {cell: read_result(grid.folder(cell), cell) for cell in CELLS}
    return {cell: result for cell, result in found.items() if result is not None}


def _claim(options: argparse.Namespace, bundle: "Bundle") -> None:
    claim_comparison(options.out, "grid", bundle, options.epochs, options.seed)


def _is_complete(result: "CellResult | None", grid: Grid) -> bool:
    """Whether a cell needs no further run: its epochs are done, or its loss became no number."""
    return result is not None and (result.diverged or result.has_trained(grid.epochs))


def _train_cell(grid: Grid, cell: Cell, precision: str, clock: Clock) -> None:
    from baselines.kit.fallback import write_fallback
    from baselines.kit.live import Silent
    from baselines.kit.recipe import load_recipe, with_changes
    from baselines.kit.request import Request
    from baselines.kit.session import train_and_predict

    reference = load_recipe(KERNEL.recipes, "reference")
    recipe = with_changes(reference, {**recipe_changes(cell), "epochs": grid.epochs, "precision": precision}, cell.name)
    out = files.make_output_folder(grid.folder(cell))
    if not (out / files.SUBMISSION).exists():  # that of a run to be repeated is handed in until this one is done
        write_fallback(out, grid.bundle)
    request = Request(
        kernel=KERNEL.name,
        recipe_name=cell.name,
        recipe=recipe,
        bundle=grid.bundle,
        out=out,
        clock=clock,
        seed=grid.seed,
        device=grid.device,
        threads=grid.threads,
        resume=(out / files.RESUME).exists(),
        others_busy=grid.others_busy,
    )
    train_and_predict(build, request, Silent())


def _tell(cell: Cell, result: "CellResult | None", clock: Clock) -> None:
    passed = f"[{clock.elapsed:6.1f} s] {CELLS.index(cell) + 1:2d} of {len(CELLS)}"
    if result is None:
        print(f"{passed} {cell.title}: its share of the budget was too short", file=sys.stderr, flush=True)
        return
    figures = f"loss {result.train_loss:.4f} (reported {REPORTED[cell]:.4f})"
    accuracy = f"validation accuracy {100 * result.validation_accuracy:.2f} %"
    took = f"{result.epochs:.1f} epochs in {show_duration(result.seconds)}"
    print(f"{passed} {cell.title}: {took}, {figures}, {accuracy}", file=sys.stderr, flush=True)


def _hand_in_best(grid: Grid, results: "dict[Cell, CellResult]") -> None:
    if not results:
        return
    best = max(results, key=lambda cell: results[cell].validation_accuracy)
    text = (grid.folder(best) / files.SUBMISSION).read_text(encoding="utf-8")
    files.write_text(grid.out / files.SUBMISSION, text)


if __name__ == "__main__":
    sys.exit(main())
