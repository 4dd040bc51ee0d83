"""Writing a bundle and its solution: the same pool, spec and secret give the same bytes."""

import csv
import hashlib
import io
import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from competition.bundle import FOLD_COLUMN
from competition.durable import flush
from competition.errors import BadInputError
from competition.progress import Progress, silent

if TYPE_CHECKING:
    import polars as pl

    from competition.rules import Rules

CHUNK_BYTES = 16 * 1024 * 1024

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BundleWriter:
    """Writes the files of a bundle into a folder and notes size and checksum of each for the manifest."""

    folder: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""
        self._write_chunks(name, [content])

    def write_images(self, name: str, images: NDArray[np.uint8], rows: Ints, progress: Progress = silent) -> None:
        """Write the images `images[rows]` as an .npy file, a few megabytes at a time."""
        header = io.BytesIO()
        shape = (len(rows), *images.shape[1:])
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
        step = max(1, CHUNK_BYTES // max(1, math.prod(images.shape[1:])))

        def chunks() -> Iterable[bytes | memoryview]:
            yield header.getvalue()
            for start in range(0, len(rows), step):
                progress(f"writing {name}", start, len(rows))
                yield np.ascontiguousarray(images[rows[start : start + step]]).data.cast("B")
            progress(f"writing {name}", len(rows), len(rows))

        self._write_chunks(name, chunks())

    def _write_chunks(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        digest, size = hashlib.sha256(), 0
        with (self.folder / name).open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            flush(file.fileno())
        self.files[name] = {"sha256": digest.hexdigest(), "bytes": size}


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV in UTF-8 with a line feed at the end of each line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def table_csv(
    rules: "Rules",
    ids: list[str],
    features: "pl.DataFrame | None",
    labels: list[str] | None = None,
    folds: Ints | None = None,
) -> bytes:
    """`train.csv` or `test.csv`: id, the features of a table, and for training the target and its fold."""
    import polars as pl

    columns = [pl.Series(rules.id_column, ids, dtype=pl.String)]
    columns += features.get_columns() if features is not None else []
    if labels is not None:
        columns.append(pl.Series(rules.target_column, labels, dtype=pl.String))
    if folds is not None:
        columns.append(pl.Series(FOLD_COLUMN, folds))
    return pl.DataFrame(columns).write_csv().encode()


def check_features(rules: "Rules", features: "pl.DataFrame") -> None:
    """Refuse features whose names the bundle needs for itself.

    Raises:
        BadInputError: a feature is called like the id, the target or the fold.
    """
    taken = [name for name in features.columns if name in (rules.id_column, rules.target_column, FOLD_COLUMN)]
    if taken:
        raise BadInputError(
            f"the feature {taken[0]!r} is called like a column of the bundle; "
            "add it to source.drop_columns, or choose another id_column or target_column"
        )


def labels_csv(labels: Sequence[str], names: Sequence[str]) -> bytes:
    """`labels.csv`: each label with its index in label order, and its name where labels have names."""
    if names:
        return csv_bytes(("label", "index", "name"), zip(labels, range(len(labels)), names, strict=True))
    return csv_bytes(("label", "index"), zip(labels, range(len(labels)), strict=True))


def sample_csv(rules: "Rules", ids: list[str], train_labels: list[str]) -> bytes:
    """A valid submission that knows nothing: the first label, equal probabilities, or the mean of training."""
    if rules.form == "probabilities":
        share = [repr(1 / len(rules.labels))] * len(rules.labels)
        return csv_bytes((rules.id_column, *rules.labels), ((item, *share) for item in ids))
    if rules.task == "classification":
        constant = rules.labels[0]
    elif rules.task == "regression":
        # fsum is exact, so that no order of the sum can change the last digit
        constant = repr(math.fsum(map(float, train_labels)) / len(train_labels))
    else:
        constant = train_labels[0]
    return csv_bytes((rules.id_column, rules.target_column), ((item, constant) for item in ids))


def solution_csv(rules: "Rules", ids: list[str], labels: list[str], usage: list[str]) -> bytes:
    """The solution in Kaggle's form: id, target and `Usage`."""
    return csv_bytes((rules.id_column, rules.target_column, "Usage"), zip(ids, labels, usage, strict=True))


def write_pictures(
    folder: Path, images: NDArray[np.uint8], rows: Ints, names: Sequence[str], progress: Progress = silent
) -> None:
    """Write `images[rows]` as PNG files `folder/<name>.png`, on all cores."""
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True, exist_ok=True)

    def write(place: int) -> None:
        from PIL import Image

        # The lightest compression: twice as fast as the usual one for a tenth more bytes.
        Image.fromarray(images[rows[place]]).save(folder / f"{names[place]}.png", compress_level=1)

    stage = f"writing {folder.name} pictures"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(write, range(len(rows)), chunksize=64)):
            if done % 1000 == 0:
                progress(stage, done, len(rows))
    progress(stage, len(rows), len(rows))


def label_folders(labels: Sequence[str]) -> list[str]:
    """A folder name a label: the label itself where every file system can tell it from the others.

    A label that cannot be a folder name, or that differs from another by case alone, has its index before it: on
    Windows and macOS `A` and `a` are one folder.
    """
    folded = [label.casefold() for label in labels]
    width = len(str(len(labels) - 1))
    alone = [_is_plain(label) and folded.count(label.casefold()) == 1 for label in labels]
    return [
        label if alone[index] else f"{index:0{width}}-{quote(label, safe='')}" for index, label in enumerate(labels)
    ]


def _is_plain(label: str) -> bool:
    if label[0] == "." or label[-1] in ". " or len(label.encode()) > 100:
        return False
    return not set(label) & set('/\\:*?"<>|%')
