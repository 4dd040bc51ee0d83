"""Adam against SGD: three runs in one budget, one table of the losses after each epoch, the reported ones beside.

    python -m baselines.letters_resnet18.compare --data data/letters --out runs/letters_compare --budget 30m

The course gave SGD the net that Adam had trained, so its losses begin low. Here SGD runs twice: from the weights that
Adam began with, and from the state of Adam's run that was kept. All runs see the batches in the same order.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.budget import Clock
from baselines.kit.claim import claim_comparison
from baselines.kit.kernel import base_options, run_in_budget, thread_count
from baselines.kit.load import CpuReading
from baselines.letters_resnet18.__main__ import KERNEL, WEIGHTS, build

if TYPE_CHECKING:
    from baselines.kit.history import Row
    from baselines.kit.request import Request
    from competition.bundle import Bundle

TABLE = "compare.md"
# Validation losses of the course's report; of the other epochs it gives none.
REPORTED_ADAM = {1: 1.613, 9: 0.322, 10: 0.356}
REPORTED_SGD = {1: 0.188, 8: 0.133, 10: 0.138}


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the runs: its name, its recipe and, where it goes on from another run, that run's name."""

    name: str
    title: str
    recipe: str
    after: str | None = None


CONTENDERS = (
    Contender("adam", "Adam", "adam"),
    Contender("sgd", "SGD", "reference"),
    Contender("sgd_after_adam", "SGD after Adam", "reference", after="adam"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare from the command line; returns the exit code."""
    options = command_line().parse_args(arguments)
    work = lambda bundle, clock: compare(options, bundle, clock)  # noqa: E731
    return run_in_budget(options, work, lambda bundle: _claim(options, bundle))


def command_line() -> argparse.ArgumentParser:
    """The shared options and the comparison's own."""
    name, about = "baselines.letters_resnet18.compare", "Adam against SGD, epoch by epoch, in one budget."
    examples = [f"python -m {name} --data data/letters --budget 30m --weights none"]
    parser = base_options(name, about, examples, "compare.md and a folder a run")
    parser.add_argument("--epochs", type=float, default=10, metavar="N", help="epochs of each of the three runs (10)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--threads", type=thread_count, metavar="N", help="CPU threads (the cores others leave free)")
    parser.add_argument(WEIGHTS.flag, default="imagenet", metavar="VALUE", help=WEIGHTS.help)
    return parser


def compare(options: argparse.Namespace, bundle: "Bundle", clock: Clock) -> None:
    """Run the contenders one after the other, print the table and hand in the run with the lowest validation loss."""
    _claim(options, bundle)
    before, began = CpuReading.take(), time.monotonic()
    from baselines.kit.fallback import write_fallback
    from baselines.kit.history import read_history
    from baselines.kit.live import Lines
    from baselines.kit.session import train_and_predict

    others_busy = CpuReading.take().others_since(before)
    finishing_seconds = 0.5 * (time.monotonic() - began)
    histories: dict[str, list[Row]] = {}
    reporter = Lines(clock)
    precision = "auto"  # measured for the first run; curves of two precisions could not be compared
    _clear(options.out)
    for position, contender in enumerate(CONTENDERS):
        share = (clock.remaining - finishing_seconds) / (len(CONTENDERS) - position)
        reporter.note(f"{contender.title}, {position + 1} of {len(CONTENDERS)}")
        request = _request(options, contender, bundle, Clock.starting_now(share), others_busy, precision)
        if contender.after and not histories[contender.after]:
            reporter.note(f"{contender.after} was not evaluated: this run begins where it began")
        write_fallback(request.out, bundle)
        precision = train_and_predict(build, request, reporter).plan.placement.precision
        histories[contender.name] = read_history(request.out)
    text = table(histories)
    files.write_text(options.out / TABLE, text + "\n")
    print(text)
    _hand_in_best(options.out, histories)
    print(f"\n{options.out / TABLE}, {options.out / files.SUBMISSION}")


def _claim(options: argparse.Namespace, bundle: "Bundle") -> None:
    claim_comparison(options.out, "comparison", bundle, options.epochs, options.seed)


def _clear(out: Path) -> None:
    """Delete what was left by an earlier start: SGD would go on from the state that another Adam kept."""
    (out / TABLE).unlink(missing_ok=True)
    for contender in CONTENDERS:
        files.clear_old_results(out / contender.name)


def _request(
    options: argparse.Namespace,
    contender: Contender,
    bundle: "Bundle",
    clock: Clock,
    others_busy: float,
    precision: str,
) -> "Request":
    from baselines.kit.recipe import load_recipe, with_changes
    from baselines.kit.request import Request

    weights = options.weights
    kept = options.out / contender.after / files.WEIGHTS if contender.after else None
    if kept is not None and kept.exists():  # absent where the time did not suffice for one evaluation
        weights = str(kept)
    changes = {"model": {"weights": weights}, "epochs": options.epochs, "precision": precision}
    return Request(
        kernel=KERNEL.name,
        recipe_name=contender.name,
        recipe=with_changes(load_recipe(KERNEL.recipes, contender.recipe), changes, contender.recipe),
        bundle=bundle,
        out=files.make_output_folder(options.out / contender.name),
        clock=clock,
        seed=options.seed,
        device=options.device,
        threads=options.threads,
        others_busy=others_busy,
    )


def table(histories: "dict[str, list[Row]]") -> str:
    """Training and validation loss of each run after each epoch in Markdown; the lowest validation loss in bold."""
    heads = [f"{contender.title}, {part}" for contender in CONTENDERS for part in ("training", "validation")]
    columns = ["epoch", *heads, "reported Adam", "reported SGD"]
    lines = [f"| {' | '.join(columns)} |", "| ---: " * len(columns) + "|"]
    lowest = {name: min((row.validation_loss for row in rows), default=None) for name, rows in histories.items()}
    epochs = sorted({round(row.epoch, 2) for rows in histories.values() for row in rows})
    for epoch in epochs:
        cells = [f"{epoch:g}"]
        for contender in CONTENDERS:
            rows = histories.get(contender.name, [])
            row = next((row for row in rows if round(row.epoch, 2) == epoch), None)
            cells += _losses(row, lowest.get(contender.name))
        cells += [_reported(REPORTED_ADAM, epoch), _reported(REPORTED_SGD, epoch)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _losses(row: "Row | None", lowest: float | None) -> list[str]:
    if row is None:
        return ["–", "–"]
    validation = f"{row.validation_loss:.3f}"
    return [f"{row.train_loss:.3f}", f"**{validation}**" if row.validation_loss == lowest else validation]


def _reported(losses: dict[int, float], epoch: float) -> str:
    return f"{losses[int(epoch)]:.3f}" if epoch in losses else ""


def _hand_in_best(out: Path, histories: "dict[str, list[Row]]") -> None:
    trained = {name: min(row.validation_loss for row in rows) for name, rows in histories.items() if rows}
    if trained:
        best = min(trained, key=trained.__getitem__)
        files.write_text(out / files.SUBMISSION, (out / best / files.SUBMISSION).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
