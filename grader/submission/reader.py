"""From a file somebody hands in to the bytes of one CSV: detects what it is by its content, unpacks within a limit."""

import io
import re
from collections.abc import Callable
from pathlib import Path

from competition.errors import UserError
from grader.submission.problems import UnreadableError, counted, listed, shown

_BLOCK = 1 << 20  # bytes unpacked at a time
_ARCHIVE_END = 22 + (1 << 16)  # bytes of the record that ends a zip archive, with the longest comment
_HEAD = 1024  # bytes looked at to tell what a file is

_KINDS = (  # how files that are no text begin
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PAR1", "a parquet file"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)
_UTF16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<script")


def read_text(path: Path, max_bytes: int) -> bytearray:
    """The CSV text in a file: UTF-8 without a byte order mark and without NUL bytes.

    A `.csv`, a `.csv.gz`, a `.zip` with one CSV and a `.parquet` are told apart by how they begin, not by their names.

    Args:
        path: the file.
        max_bytes: limit of its size, packed and unpacked.

    Raises:
        UserError: there is no such file, or it cannot be opened.
        UnreadableError: it holds no such text; the problem says what it holds instead.
    """
    try:
        with path.open("rb") as file:
            return unpacked(_bounded(file.read, max_bytes, "the file"), max_bytes)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder, not a file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def unpacked(data: bytearray, max_bytes: int) -> bytearray:
    """The CSV text in the bytes of a file; see `read_text`. The bytes given are not kept."""
    if len(data) > max_bytes:
        raise _too_large("the file", max_bytes)
    if data.startswith(b"\x1f\x8b"):
        data = _gunzipped(data, max_bytes)
    elif data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        data = _unzipped(data, max_bytes)
    elif data.startswith(b"PAR1"):
        from grader.submission.parquet import as_csv

        data = as_csv(data, max_bytes)
    return _plain(data)


def _plain(data: bytearray) -> bytearray:
    """The same text without its byte order mark, once it is known to be UTF-8 text."""
    _refuse_other_kinds(bytes(data[:_HEAD]))
    if data.startswith(b"\xef\xbb\xbf"):
        del data[:3]
    if not data or (data[:_HEAD].isspace() and data.isspace()):
        raise UnreadableError("empty_file", "the file is empty")
    if (at := data.find(b"\0")) >= 0:
        line = line_at(data, at)
        raise UnreadableError("nul_byte", f"line {line} holds a NUL byte: the file is damaged or no text", line)
    if not data.isascii():
        _refuse_other_encodings(data)
    return data


def _refuse_other_kinds(head: bytes) -> None:
    """Name the kind of a file that is no CSV."""
    utf16 = head.startswith(_UTF16_OR_32) or _looks_like_utf16(head)
    if utf16:
        raise UnreadableError(
            "utf16",
            "the file is UTF-16 or UTF-32 text; save it as UTF-8 (Excel: 'CSV UTF-8', 'CSV UTF-8(쉼표로 분리)')",
        )
    for magic, kind in _KINDS:
        if head.startswith(magic):
            raise UnreadableError("not_csv", f"the file is {kind}, not a CSV")
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begin.startswith(_MARKUP):
        raise UnreadableError(
            "html", "the file is a web page (HTML or XML), not a CSV; was it saved from a login or error page?"
        )
    if begin.startswith((b"{", b"[")):
        raise UnreadableError("not_csv", "the file looks like JSON, not like a CSV")
    if any(byte < 32 and byte not in b"\0\t\n\v\f\r\x1a\x1b" for byte in head):
        raise UnreadableError("not_csv", "the file is binary, not a CSV")


def _looks_like_utf16(head: bytes) -> bool:
    """Whether every other byte of ASCII text is NUL."""
    even, odd = head[0 : len(head) & ~1 : 2], head[1::2]
    return len(odd) > 1 and ((set(odd) == {0} and 0 not in even) or (set(even) == {0} and 0 not in odd))


def _refuse_other_encodings(data: bytearray) -> None:
    """Name the line at which a text stops being UTF-8."""
    from codecs import getincrementaldecoder

    decoder = getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            line = line_at(data, start - pending + error.start)
            raise UnreadableError(
                "not_utf8",
                f"line {line} is not UTF-8 text; save the file as UTF-8 (Excel: 'CSV UTF-8', 'CSV UTF-8(쉼표로 분리)')",
                line,
            ) from None


def line_at(data: bytearray, position: int) -> int:
    """The line, counted from 1, in which a byte of the text lies."""
    ends = data.count(b"\n", 0, position)
    return 1 + (ends or data.count(b"\r", 0, position))


def _bounded(read: Callable[[int], bytes], max_bytes: int, what: str) -> bytearray:
    """Everything a stream holds, refused as soon as it is more than the limit."""
    data = bytearray()
    while block := read(_BLOCK):
        data += block
        if len(data) > max_bytes:
            raise _too_large(what, max_bytes)
    return data


def _too_large(what: str, max_bytes: int) -> UnreadableError:
    return UnreadableError(
        "too_large", f"{what} is larger than {max_bytes:,} bytes; send one row for each test id only"
    )


def _gunzipped(data: bytearray, max_bytes: int) -> bytearray:
    from gzip import GzipFile
    from zlib import error as ZlibError  # noqa: N812 - the class is named like a function

    try:
        with GzipFile(fileobj=io.BytesIO(data)) as file:
            return _bounded(file.read, max_bytes, "the unpacked file")
    except (OSError, EOFError, ZlibError):
        raise UnreadableError("archive", "the gzip archive is damaged or cut off; pack and upload it again") from None


def _unzipped(data: bytearray, max_bytes: int) -> bytearray:
    from zipfile import ZipFile

    _refuse_many_entries(data)
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not _is_clutter(name)]
            if len(names) != 1 or not names[0].lower().endswith(".csv"):
                raise UnreadableError("archive", _wrong_entries(names))
            if archive.getinfo(names[0]).flag_bits & 1:
                raise UnreadableError("archive", "the zip archive is encrypted; pack it without a password")
            with archive.open(names[0]) as file:
                return _bounded(file.read, max_bytes, "the unpacked file")
    except UnreadableError:
        raise
    except NotImplementedError:
        raise UnreadableError("archive", "the zip archive is packed in an unusual way; use plain 'deflate'") from None
    except Exception:  # of a damaged archive zipfile raises nearly anything, an IndexError of an empty name even
        raise UnreadableError("archive", "the zip archive is damaged or cut off; pack and upload it again") from None


def _refuse_many_entries(data: bytearray) -> None:
    """Refuse an archive whose list of entries alone would fill the memory: zipfile makes an object of each."""
    tail = bytes(data[-_ARCHIVE_END:])
    ends = [tail[found.start() :] for found in re.finditer(re.escape(b"PK\x05\x06"), tail)]
    if any(int.from_bytes(end[12:16], "little") > _BLOCK for end in ends):
        raise UnreadableError("archive", "the zip archive must hold exactly one CSV, but holds thousands of files")


def _is_clutter(name: str) -> bool:
    """Whether an entry is a folder, or one that macOS or Windows adds by itself."""
    return name.endswith("/") or name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in (".DS_Store", "Thumbs.db")


def _wrong_entries(names: list[str]) -> str:
    if "xl/workbook.xml" in names:
        return "the file is an Excel workbook, not a CSV; save it as 'CSV UTF-8'"
    if not names:
        return "the zip archive is empty; it must hold exactly one CSV"
    held = listed([shown(name) for name in names[:5]], len(names))
    return f"the zip archive must hold exactly one CSV, but holds {counted(len(names), 'file')}: {held}"
