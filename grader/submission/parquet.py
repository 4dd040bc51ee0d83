"""Parquet as CSV text, by a process of its own: `python -m grader.submission.parquet MAX_BYTES < a.parquet > a.csv`.

A parquet file of a few kilobytes can unpack to terabytes, and it is read by native code. A child with a limit on memory
and time keeps both away from the judge, and keeps polars out of the process that scores.
"""

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from grader.submission.problems import UnreadableError, counted, listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars

_ROWS = 1 << 18  # rows written at a time
_SECONDS = 120  # processor time and wall clock a file may take
_GIGABYTE = 1 << 30
_NO_TABLE = 3  # exit status: a problem in JSON stands on standard output
_DAMAGED = "the parquet file is damaged, of an unknown kind or unpacks to too much; write it again or send a CSV"


def as_csv(data: bytes | bytearray, max_bytes: int) -> bytearray:
    """The table of a parquet file as the CSV pandas would write of it: integers in decimal, booleans as True and False.

    Raises:
        UnreadableError: it is damaged, has columns of other than plain values, or is larger than the limit as text.
    """
    command = [sys.executable, "-m", "grader.submission.parquet", str(max_bytes)]
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    try:
        child = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        raise UnreadableError("archive", _DAMAGED) from None
    if child.returncode == _NO_TABLE:
        raise UnreadableError(**json.loads(child.stdout))
    if child.returncode != 0:
        raise UnreadableError("archive", _DAMAGED)
    return bytearray(child.stdout)


def _converted(data: bytes, max_bytes: int) -> bytes:
    """The same inside the child."""
    import polars

    try:
        _refuse_other_columns(polars.read_parquet_schema(io.BytesIO(data)))
        frame = polars.scan_parquet(io.BytesIO(data))
        rows = frame.select(polars.len()).collect().item()
        pieces, size = [], 0
        for start in range(0, max(rows, 1), _ROWS):
            texts = [_as_text(series) for series in frame.slice(start, _ROWS).collect()]
            size += sum(int(series.str.len_bytes().sum()) + len(series) for series in texts)
            if size > max_bytes:
                raise UnreadableError("too_large", f"the file is larger than {max_bytes:,} bytes as CSV text")
            pieces.append(polars.DataFrame(texts).write_csv(include_header=start == 0).encode())
        return b"".join(pieces)
    except polars.exceptions.PolarsError:
        raise UnreadableError("archive", _DAMAGED) from None


def _refuse_other_columns(schema: "Mapping[str, polars.DataType]") -> None:
    """Name the columns that hold lists, structs or bytes."""
    other = [name for name, kind in schema.items() if kind.is_nested() or str(kind) in ("Binary", "Object")]
    if other:
        names = listed([shown(name) for name in other[:5]], len(other))
        raise UnreadableError(
            "column_type", f"the parquet file has {counted(len(other), 'column')} of neither text nor numbers: {names}"
        )


def _as_text(series: "polars.Series") -> "polars.Series":
    import polars

    if series.dtype == polars.Boolean:
        return series.replace_strict([True, False], ["True", "False"], default=None, return_dtype=polars.String)
    return series.cast(polars.String)


def _limit_memory(max_bytes: int) -> None:
    """Let an allocation beyond what an honest file needs fail."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    room = 4 * _GIGABYTE + 6 * max_bytes
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(max_bytes: int) -> int:
    """Convert standard input; returns the exit status."""
    _limit_memory(max_bytes)
    try:
        sys.stdout.buffer.write(_converted(sys.stdin.buffer.read(), max_bytes))
    except UnreadableError as error:
        sys.stdout.write(json.dumps({"code": error.problem.code, "message": error.problem.message}))
        return _NO_TABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
