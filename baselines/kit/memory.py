"""When memory runs out, the CPU's allocator, CUDA and Python say it differently. Imports no torch."""

_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch raises `RuntimeError` and its subclass `OutOfMemoryError`."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _WORDS)
