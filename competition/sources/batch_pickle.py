"""A pickled CIFAR-10 batch, read without trusting it.

A pickle is a program and may call anything it names. This reader lets it name only the three things a batch of
CIFAR-10 needs (how numpy rebuilds an array) and gives it harmless stand-ins even for those: they keep what they are
handed, and the array is made here from bytes that were checked. Any other name ends the reading.
"""

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray


class _KeptArray:
    """Stands in for `numpy.ndarray`: keeps the state (version, shape, dtype, Fortran order, bytes)."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _KeptType:
    """Stands in for `numpy.dtype`: keeps the name of the type."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment mean nothing for single bytes."""


def _kept_array(*_: Any) -> _KeptArray:
    return _KeptArray()


def _text_as_bytes(text: Any, encoding: Any) -> bytes:
    """Stands in for `_codecs.encode`, by which Python 3 writes bytes into a pickle of protocol 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes written in an unknown way")
    return text.encode("latin1")


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _kept_array,
    ("numpy._core.multiarray", "_reconstruct"): _kept_array,
    ("numpy", "ndarray"): _KeptArray,
    ("numpy", "dtype"): _KeptType,
    ("_codecs", "encode"): _text_as_bytes,
}


# The unpickler written in Python: the one in C takes 32 GB when a pickle of nine bytes names memo number 2**31.
class _BatchUnpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name; nothing is ever imported."""
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"refused, a batch of images has no use for {module}.{name}") from None


def read_batch(data: bytes, row_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The rows (N x row_bytes, uint8) and the class numbers (N, uint8) of a batch.

    Raises:
        ValueError: the pickle is damaged, hostile or holds something else.
    """
    try:
        batch = _BatchUnpickler(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # a hostile pickle can make its reader raise anything
        raise ValueError(f"not a CIFAR-10 batch: {error}") from error
    if not isinstance(batch, dict):
        raise ValueError("not a CIFAR-10 batch: no dictionary")
    by_text = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    numbers, kept = by_text.get("labels"), by_text.get("data")
    if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 256 for n in numbers):
        raise ValueError("not a CIFAR-10 batch: no list of class numbers")
    rows = np.frombuffer(_array_bytes(kept), np.uint8)
    if len(rows) != len(numbers) * row_bytes:
        raise ValueError(f"{len(rows):,} bytes of pixels for {len(numbers):,} labels")
    return rows.reshape(-1, row_bytes), np.array(numbers, dtype=np.uint8)


def _array_bytes(kept: Any) -> bytes:
    state = kept.state if isinstance(kept, _KeptArray) else None
    if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _KeptType):
        raise ValueError("not a CIFAR-10 batch: no array of pixels")
    _, _, dtype, is_fortran, content = state
    if dtype.name not in ("u1", b"u1") or is_fortran:
        raise ValueError("not a CIFAR-10 batch: its pixels are no unsigned bytes in rows")
    if isinstance(content, str):  # a Python 2 string, read as latin1
        content = content.encode("latin1")
    if not isinstance(content, bytes):
        raise ValueError("not a CIFAR-10 batch: no bytes of pixels")
    return content
