"""An output folder for one search or cross validation at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from competition.errors import UserError

_LOCK = ".lock"


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Keep others out of a folder until the end of the block; the system lets go of a killed process's lock.

    Raises:
        UserError: another process is at work there, or the folder cannot be written to.
    """
    import fcntl

    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written to ({error.strerror}); choose another --out") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another process is at work there; wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise UserError(f"{folder}: cannot be locked ({error.strerror}); choose an --out on a local disk") from None
        yield
    finally:
        os.close(descriptor)
