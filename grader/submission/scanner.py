"""CSV text to columns of text: in one pass over the bytes, or by Python's csv module where something is quoted."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from grader.submission.columns import PADDING, Bytes, Offsets, TextColumn, offset_type
from grader.submission.problems import UnreadableError

Numbers = NDArray[np.intp]

LONGEST_LINE = 1 << 20  # bytes; a thousand probabilities take 20,000
_SCANNED = 1 << 18  # bytes looked at together: fits the processor's cache
_SPARSEST, _SPARE_CELLS = 8, 1 << 20  # cells filled up for each that is there, before a table is refused
_COMMA, _LINE_FEED, _QUOTE = 44, 10, 34


@dataclass(frozen=True)
class Table:
    """A CSV as offsets into its bytes. A cell of row `i` starts behind the separator that ends the cell before it.

    Attributes:
        buffer: the bytes of the text.
        header: names of the columns.
        before: position of the separator before the first cell of each row (N).
        ends: position behind each cell (N x columns). A row of fewer cells is filled up with empty ones,
            of a row of more cells the first ones are kept.
        lines: line of the file on which each row begins (N), or the line of the first row where one row is one line.
        fields: number of cells of each row (N); None where every row has as many as the header.
        enclosed: whether quotes around a cell are still there, to be left out.
    """

    buffer: Bytes
    header: tuple[str, ...]
    before: Offsets
    ends: Offsets
    lines: Numbers | int
    fields: Numbers | None
    enclosed: bool = False

    def __len__(self) -> int:
        return len(self.before)

    def column(self, number: int) -> TextColumn:
        """The cells of one column."""
        ends = np.ascontiguousarray(self.ends[:, number])
        starts = (self.before if number == 0 else self.ends[:, number - 1]) + 1
        if self.fields is not None:
            starts = np.minimum(starts, ends)
        if self.enclosed:
            inside = _in_quotes(TextColumn(self.buffer, starts, ends))
            starts, ends = starts + inside, ends - inside
        return TextColumn(self.buffer, starts, ends)

    def line(self, row: int) -> int:
        """The line of the file, counted from 1, on which a row begins."""
        return self.lines + row if isinstance(self.lines, int) else int(self.lines[row])

    def ragged(self) -> Numbers:
        """The rows that have another number of cells than the header."""
        if self.fields is None:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(self.fields != len(self.header))


def scan(data: bytearray, most_lines: int | None = None) -> Table:
    """The table in a CSV text. Empty lines are passed over; lines end with LF, CRLF or CR.

    Args:
        data: UTF-8 text, not only blanks, without a byte order mark and NUL bytes. It becomes the buffer of the table.
        most_lines: refuse a text of more lines before anything is kept for each of them.

    Raises:
        UnreadableError: a quote is never closed or stands inside a cell, or a line or the file is too long.
    """
    if b'"' in data:
        table = _enclosed_table(data, most_lines) or _quoted_table(data, most_lines)
    else:
        table = _plain_table(data, most_lines)
    widths = table.ends[:, -1] - table.before
    if widths.max(initial=0) > LONGEST_LINE:
        raise _too_long(table.line(int(widths.argmax())))
    return table


def _too_long(line: int) -> UnreadableError:
    return UnreadableError("line_too_long", f"line {line} is longer than {LONGEST_LINE:,} bytes", line)


def _plain_table(data: bytearray, most_lines: int | None) -> Table:
    """The table of a text without quotes: every comma and every line feed separates."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    size = len(data)
    if data.find(b"\n") > LONGEST_LINE:  # before its cells become names of columns
        raise _too_long(1)
    data += bytes(PADDING)
    buffer = np.frombuffer(data, dtype=np.uint8)
    separators, lines = _separators(buffer, size)
    _refuse_many_lines(lines, most_lines)
    columns = int(np.argmax(buffer[separators] == _LINE_FEED)) + 1
    if columns > 1 and len(separators) == lines * columns:
        grid = separators.reshape(lines, columns)
        if (buffer[grid[:, -1]] == _LINE_FEED).all():
            header = _header(buffer, np.concatenate([[-1], grid[0]]).astype(grid.dtype))
            return Table(buffer, header, grid[:-1, -1], grid[1:], 2, None)
    last = np.flatnonzero(buffer[separators] == _LINE_FEED)
    fields = np.diff(last, prepend=-1)
    filled = np.flatnonzero(np.diff(separators[last], prepend=-1) > 1)
    return _table(buffer, separators, last[filled], fields[filled], filled + 1)


def _separators(buffer: Bytes, size: int) -> tuple[Offsets, int]:
    """Positions of all commas and line feeds, ascending, and the number of line feeds."""
    found: Offsets = np.empty(size, dtype=offset_type(size))  # pages that are never written to take no memory
    count = lines = 0
    for start in range(0, size, _SCANNED):
        piece = buffer[start : min(start + _SCANNED, size)]
        separates = piece == _LINE_FEED
        lines += int(np.count_nonzero(separates))
        separates |= piece == _COMMA
        here = np.flatnonzero(separates)
        here += start
        found[count : count + len(here)] = here
        count += len(here)
    found.resize(count, refcheck=False)
    return found, lines


def _refuse_many_lines(lines: int, most: int | None) -> None:
    if most is not None and lines > most:
        raise UnreadableError("row_count", f"the file has {lines:,} lines, far more than the expected rows")


def _table(buffer: Bytes, separators: Offsets, last: Numbers, fields: Numbers, lines: Numbers) -> Table:
    """The table whose header and rows are given each by the number of its last separator, its cells and its line."""
    bounds = np.concatenate([np.array([-1], dtype=separators.dtype), separators])
    header = _header(buffer, bounds[last[0] - fields[0] + 1 : last[0] + 2])
    first, last, fields, columns = (last - fields + 1)[1:], last[1:], fields[1:], len(header)
    if len(last) * columns > _SPARSEST * len(separators) + _SPARE_CELLS:
        message = f"nearly all rows have fewer cells than the header, which has {columns:,}"
        raise UnreadableError("ragged_row", message, int(lines[1]))
    ends = np.empty((len(last), columns), dtype=separators.dtype)
    for number in range(columns):
        ends[:, number] = separators[np.minimum(first + number, last)]
    regular = bool((fields == columns).all())
    return Table(buffer, header, bounds[first], ends, lines[1:], None if regular else fields)


def _header(buffer: Bytes, bounds: Offsets) -> tuple[str, ...]:
    """The names between separators: each column starts behind one and ends at the next."""
    return tuple(TextColumn(buffer, bounds[:-1] + 1, bounds[1:]).texts())


def _enclosed_table(data: bytearray, most_lines: int | None) -> Table | None:
    """The table of a text in which all quotes enclose whole cells without separators, as R writes it; None otherwise.

    Read as if nothing were quoted, a cell with a comma, a line end or a quote in it falls into pieces of which at least
    one has a quote at one end only. So where the cells with quotes at both ends have all quotes, no cell is like that.
    """
    try:
        table = _plain_table(bytearray(data), most_lines)
    except UnreadableError:
        return None
    columns = [table.column(number) for number in range(len(table.header))]
    columns.append(TextColumn.from_texts(table.header))
    enclosed = sum(int(np.count_nonzero(_in_quotes(column))) for column in columns)
    if 2 * enclosed != data.count(b'"'):
        return None
    names = columns[-1]
    inside = _in_quotes(names)
    header = TextColumn(names.buffer, names.starts + inside, names.ends - inside).texts()
    return replace(table, header=tuple(header), enclosed=True)


def _in_quotes(cells: TextColumn) -> NDArray[np.bool_]:
    """Whether each cell begins and ends with a quote."""
    inside: NDArray[np.bool_] = (cells.buffer[cells.starts] == _QUOTE) & (cells.buffer[cells.ends - 1] == _QUOTE)
    return inside & (cells.lengths > 1)


def _quoted_table(data: bytearray, most_lines: int | None) -> Table:
    """The table of a text with quotes, by Python's csv module: its cells one behind the other make a new buffer."""
    _refuse_many_lines(data.count(b"\n"), most_lines)
    pieces: list[bytes] = []
    lengths: list[NDArray[np.int64]] = []
    fields: list[int] = []
    lines: list[int] = []
    for records in _batches(_records(data)):
        cells = [cell for _, row in records for cell in row]
        pieces.append(",".join([*cells, ""]).encode("latin-1"))
        lengths.append(np.fromiter(map(len, cells), dtype=np.int64, count=len(cells)))
        fields.extend(len(row) for _, row in records)
        lines.extend(line for line, _ in records)
    buffer = np.frombuffer(b"".join([*pieces, bytes(PADDING)]), dtype=np.uint8)
    separators: Offsets = (np.cumsum(np.concatenate(lengths) + 1) - 1).astype(offset_type(len(buffer)))
    counts = np.array(fields, dtype=np.intp)
    return _table(buffer, separators, np.cumsum(counts) - 1, counts, np.array(lines, dtype=np.intp))


def _records(data: bytearray) -> Iterator[tuple[int, list[str]]]:
    """Each record and the line on which it begins. Latin-1 stands for bytes here: a character is a byte of the text."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    taken = 0  # characters of the record that is being read

    def lines() -> Iterator[str]:
        nonlocal taken
        for text in io.TextIOWrapper(io.BytesIO(data), encoding="latin-1", newline=""):
            taken += len(text)
            if taken > LONGEST_LINE:
                raise _too_long(line)
            yield text

    reader = csv.reader(lines(), strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line, taken = reader.line_num + 1, 0
    except csv.Error as error:
        raise _unreadable(str(error), line) from None


def _unreadable(reason: str, line: int) -> UnreadableError:
    """The problem that Python's csv module met in the record beginning on a line."""
    if "field limit" in reason:
        return _too_long(line)
    if "end of data" in reason:
        return UnreadableError("quote", f"the quote that opens on line {line} is never closed", line)
    return UnreadableError(
        "quote", f"line {line} has text behind a closing quote; a quote inside a quoted cell is written twice", line
    )


def _batches(records: Iterator[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    """The records in lists of some ten thousand, so that not all of them are Python objects at once."""
    while batch := list(islice(records, 1 << 15)):
        yield batch
