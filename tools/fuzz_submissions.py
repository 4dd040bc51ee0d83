"""Feeds random and mutated submissions to the checker and compares each answer with a naive judge.

    python -m tools.fuzz_submissions --cases 100000 --seed 0     # mutations of valid files, reproducible
    python -m tools.fuzz_submissions --atheris -runs=100000      # coverage-guided; further options are libFuzzer's

Whatever the file, the checker must not raise, must accept exactly what the naive judge accepts, must predict the same,
and must name problems in printable lines; the score of an accepted file must be the naive judge's.
"""

import argparse
import csv
import gzip
import io
import json
import math
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from competition.rules import Form, MetricRule, Rules
from grader.metrics import MetricError
from grader.scoring.judge import Judge
from grader.store.records import Evidence
from grader.submission.check import Checked, check_bytes
from grader.submission.index import TextIndex
from grader.submission.predictions import Predictions
from grader.submission.solution import read_solution
from tools.submission_oracle import expected_predictions, expected_score

_IDS = ("007", "7", "NA", "null", "1e3", "a1b2c3d4e5f6", "a1b2c3d4e5f7", "아이디", "a b", "0", "-", "id")
_LABELS = (
    "cat",
    "dog",
    "고양이",
    "True",
    "1",
    "0",
    "a rather long label of many bytes",
    "a rather long label of many bits",
)
_NUMBERS = ("0", "1", "2", "3.5", "-4")
_METRICS: dict[Form, MetricRule] = {
    "labels": MetricRule("accuracy"),
    "probabilities": MetricRule("accuracy"),
    "values": MetricRule("mae"),
    "rankings": MetricRule("map_at_k"),
    "masks": MetricRule("dice", {"shape": [20, 20]}),
}
_HUGE = 1e300  # sums of larger values overflow in float64, where the naive judge's fractions do not
_NOT_COMPUTED = Evidence("", "", "", {})
_NASTY = (
    "", " ", "0", "00", "0.0", "-0", "1", "1.0", "1e0", "nan", "NaN", "inf", "-inf", "1e999", "1_0", "0x1", "+1", ".5",
    "5.", ".", "1e", "١", "1,5", '"', '""', "'", "\n", "\r", "\r\n", ",", ";", "\t", "\0", "\ufeff", "\u202e", "=1+1",
    "007", "7", "NA", "null", "None", "id", "label", "True", "true", "cat ", " cat", "Cat", "cat\u0000", "1 2",
    "3 1 3 1", "cat dog", "0.1", "0.30000000000000004", "4.9e-324", "1" * 40, "a" * 300,
)  # fmt: skip


def random_rules(draw: random.Random) -> Rules:
    """Rules of some form, with a few labels."""
    form: Form = draw.choice(("labels", "labels", "labels", "probabilities", "values", "rankings", "masks"))
    numeric = draw.random() < 0.4
    pool = _NUMBERS if numeric else _LABELS
    return Rules(
        competition="fuzz",
        title="Fuzz",
        task="classification",
        form=form,
        metric=_METRICS[form],
        labels=() if form == "values" else tuple(draw.sample(pool, draw.randint(2, len(pool)))),
        label_matching=draw.choice(("text", "number")) if numeric else "text",
        target_column=draw.choice(("label", "target")),
        max_bytes=draw.choice((2_000, 1_000_000)),
    )


def random_ids(draw: random.Random) -> list[str]:
    """A few ids, no two alike."""
    made = {
        draw.choice(_IDS) if draw.random() < 0.5 else f"{draw.getrandbits(48):012x}" for _ in range(draw.randint(1, 12))
    }
    return sorted(made, key=lambda _: draw.random())


def random_cell(draw: random.Random, rules: Rules) -> str:
    """A right cell of the target column."""
    match rules.form:
        case "labels":
            return draw.choice(rules.labels)
        case "values":
            return repr(draw.choice((draw.random(), draw.gauss(0, 1e9), draw.randint(-99, 99), draw.random() * 1e-300)))
        case "rankings":
            single = [label for label in rules.labels if " " not in label] or ["none"]
            return " ".join(draw.sample(single, draw.randint(1, len(single))))
        case _:
            starts = sorted(draw.sample(range(1, 200, 3), draw.randint(0, 4)))
            return " ".join(f"{start} {draw.randint(1, 2)}" for start in starts)


def valid_table(draw: random.Random, rules: Rules, ids: Sequence[str]) -> list[list[str]]:
    """A header and rows that must be accepted."""
    shuffled = sorted(ids, key=lambda _: draw.random())
    if rules.form == "probabilities":
        table = [["id", *rules.labels]]
        for name in shuffled:
            weights = [draw.random() for _ in rules.labels]
            table.append([name, *(repr(weight / sum(weights)) for weight in weights)])
    else:
        table = [["id", rules.target_column], *([name, random_cell(draw, rules)] for name in shuffled)]
    order = sorted(range(len(table[0])), key=lambda _: draw.random())
    return [[row[place] for place in order] for row in table]


def mutate_table(draw: random.Random, table: list[list[str]]) -> None:
    """Change a cell, a row or a column, in place."""
    row = draw.randrange(len(table))
    match draw.randrange(7):
        case 0 | 1:
            if table[row]:
                table[row][draw.randrange(len(table[row]))] = draw.choice(_NASTY)
        case 2:
            table.insert(draw.randrange(len(table) + 1), list(draw.choice(table)))
        case 3:
            del table[row : row + draw.randint(1, 2)]
            table or table.append(["id"])
        case 4:
            table[row].insert(draw.randrange(len(table[row]) + 1), draw.choice(_NASTY))
        case 5:
            del table[row][draw.randrange(len(table[row]) + 1) :]
        case _:
            source, place = draw.choice(table), draw.randrange(2)
            if place < min(len(source), len(table[row])):
                table[row][place] = source[place]


def written(draw: random.Random, table: list[list[str]]) -> bytes:
    """The table as CSV bytes: line ends, quotes, mark and blank lines vary."""
    end = draw.choice(("\n", "\n", "\r\n", "\r"))
    quoting = draw.choice(("never", "never", "needed", "always"))
    lines = [",".join(_quoted(cell, quoting) for cell in row) for row in table]
    if draw.random() < 0.1:
        lines.insert(draw.randrange(len(lines) + 1), "")
    text = end.join(lines) + draw.choice(("", end, end, end + end))
    encoding = draw.choice(("utf-8",) * 8 + ("utf-8-sig",) * 2 + ("utf-16", "cp949"))
    return text.encode(encoding, errors="replace")


def _quoted(cell: str, quoting: str) -> str:
    needed = any(mark in cell for mark in ',"\r\n')
    if quoting == "always" or (quoting == "needed" and needed):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def mutate_bytes(draw: random.Random, data: bytes) -> bytes:
    """Damage a file: flip, cut out, copy or overwrite some bytes."""
    damaged = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(damaged) + 1)
        stop = min(len(damaged), start + draw.choice((0, 1, 1, 2, 8, 64)))
        new = draw.choice(
            (b"", draw.randbytes(draw.randint(1, 4)), bytes(damaged[start:stop]) * 2, b'"', b",", b"\n", b"\r")
        )
        damaged[start:stop] = new
    return bytes(damaged)


def packed(draw: random.Random, data: bytes) -> bytes:
    """The bytes as they are, or in an archive."""
    match draw.randrange(10):
        case 0:
            return gzip.compress(data, mtime=0)
        case 1:
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
                for name in draw.choice(
                    (["a.csv"], ["b/A.CSV"], ["a.csv", "__MACOSX/a.csv"], ["a.csv", "b.csv"], ["a.txt"], [])
                ):
                    file.writestr(zipfile.ZipInfo(name), data)
            return archive.getvalue()
        case _:
            return data


def random_file(draw: random.Random, rules: Rules, ids: Sequence[str]) -> bytes:
    """A submission: valid, or changed in some of its cells, bytes and wrappings, or noise."""
    if draw.random() < 0.02:
        return draw.randbytes(draw.randrange(200))
    table = valid_table(draw, rules, ids)
    for _ in range(draw.choice((0, 0, 1, 1, 2, 4))):
        mutate_table(draw, table)
    data = written(draw, table)
    if draw.random() < 0.2:
        data = mutate_bytes(draw, data)
    data = packed(draw, data)
    return mutate_bytes(draw, data) if draw.random() < 0.05 else data


def difference(data: bytes, rules: Rules, ids: Sequence[str]) -> str | None:
    """How the checker and the naive judge differ on a file, or None."""
    checked = check_bytes(data, rules, TextIndex.from_texts(ids))
    expected = expected_predictions(data, rules, ids)
    if (found := _predicted(checked)) != expected:
        return f"checker: {found or checked.problems}\nnaive:   {expected}"
    told = [problem.message for problem in checked.problems]
    json.dumps([problem.to_json() for problem in checked.problems], ensure_ascii=False).encode()
    if (expected is None) != bool(told) or not all(message.isprintable() for message in told):
        return f"messages: {told}"
    return _score_difference(checked.predictions, expected, rules, ids) if expected and checked.predictions else None


def _score_difference(
    predictions: Predictions, expected: Sequence[Any], rules: Rules, ids: Sequence[str]
) -> str | None:
    """How the judge's scores of an accepted file differ from the naive ones, against hidden labels drawn by the ids."""
    draw = random.Random(" ".join(ids))
    hidden = [draw.choice(rules.labels) if rules.form == "probabilities" else random_cell(draw, rules) for _ in ids]
    usage = [draw.choice(("Public", "Private", "Ignored")) for _ in ids]
    solution = read_solution(_solution_csv(rules, ids, hidden, usage), rules)
    rows_of = {split: [row for row, where in enumerate(usage) if where == split] for split in set(usage) - {"Ignored"}}
    naive = {
        split: expected_score(rules, [_true(hidden[row], rules) for row in rows], [expected[row] for row in rows])
        for split, rows in rows_of.items()
    }
    try:
        found = {score.split: score.value for score in Judge(rules, solution, Path(), _NOT_COMPUTED).score(predictions)}
    except MetricError:
        found = {}
    impossible = any(score is None or score > _HUGE for score in naive.values())
    same = found.keys() == naive.keys() and all(
        score is not None and math.isclose(found[split], score, rel_tol=1e-12) for split, score in naive.items()
    )
    return None if same or impossible else f"scores: {found}\nnaive:  {naive}"


def _true(cell: str, rules: Rules) -> Any:
    if rules.form in ("labels", "probabilities"):
        return rules.labels.index(cell)
    return float(cell) if rules.form == "values" else cell


def _solution_csv(rules: Rules, ids: Sequence[str], hidden: Sequence[str], usage: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((rules.id_column, rules.target_column, "Usage"))
    writer.writerows(zip(ids, hidden, usage, strict=True))
    return text.getvalue().encode()


def _predicted(checked: Checked) -> list[Any] | None:
    """The predictions of an accepted file as the naive judge gives them."""
    predictions = checked.predictions
    if predictions is None:
        return None
    if predictions.probabilities is not None:
        return [tuple(row) for row in predictions.probabilities.tolist()]
    for array in (predictions.labels, predictions.values):
        if array is not None:
            return list(array.tolist())
    return predictions.rankings if predictions.rankings is not None else predictions.masks


def run_case(seed: int) -> tuple[str | None, bool]:
    """One reproducible case: the difference it shows, and whether the file was acceptable."""
    draw = random.Random(seed)
    rules, ids = random_rules(draw), random_ids(draw)
    data = random_file(draw, rules, ids)
    try:
        told = difference(data, rules, ids)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {data!r}\n{rules}\n{ids}") from error
    return (f"seed {seed}: {data!r}\n{rules}\n{ids}\n{told}" if told else None), expected_predictions(
        data, rules, ids
    ) is not None


def run_cases(cases: int, seed: int) -> int:
    """Run so many cases and print what they showed; returns the exit status."""
    begun, accepted = time.perf_counter(), 0
    for case in range(cases):
        told, fine = run_case(seed + case)
        if told is not None:
            print(told)
            return 1
        accepted += fine
    print(f"{cases} files in {time.perf_counter() - begun:.0f} s, {accepted} acceptable: no difference")
    return 0


def run_atheris(arguments: list[str]) -> None:
    """Let libFuzzer look for a difference, from a corpus of valid files; it ends the process."""
    import atheris

    def one(data: bytes) -> None:
        rules, ids, _ = _seeded(data[:1])
        told = difference(data[1:], rules, ids)
        if told is not None:
            raise AssertionError(told)

    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as corpus:
        for first in map(bytes, zip(range(256))):
            rules, ids, draw = _seeded(first)
            Path(corpus, first.hex()).write_bytes(first + written(draw, valid_table(draw, rules, ids)))
        atheris.Setup([sys.argv[0], *arguments, corpus], one)
        atheris.Fuzz()


def _seeded(first: bytes) -> tuple[Rules, list[str], random.Random]:
    """The rules and ids that the first byte of an input stands for."""
    draw = random.Random(first)
    return random_rules(draw), random_ids(draw), draw


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="how many files")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first file; the next one has the next seed")
    parser.add_argument("--atheris", action="store_true", help="coverage-guided instead")
    options, others = parser.parse_known_args()
    if options.atheris:
        run_atheris(others)
    return run_cases(options.cases, options.seed)


if __name__ == "__main__":
    sys.exit(main())
