"""The official files of the public data sets, downloaded from the places torchvision names and checked by its MD5 sums.

Neither torchvision's readers are used (they unpickle, and they leave EMNIST's letters lying on their side) nor its
downloading, which begins anew after every interruption.
"""

import fcntl
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from competition.errors import UserError
from competition.progress import Progress
from competition.sources.cache import cache_folder

_AGENT = "competition-grader"
_PATIENCE_SECONDS = 60
_CHUNK = 1 << 18


class OfficialFile(NamedTuple):
    """One file of a data set: its address, its name on disk and its MD5 sum."""

    url: str
    name: str
    md5: str


def _cifar10() -> list[OfficialFile]:
    from torchvision.datasets import CIFAR10

    return [OfficialFile(CIFAR10.url, CIFAR10.filename, CIFAR10.tgz_md5)]


def _fashion_mnist() -> list[OfficialFile]:
    from torchvision.datasets import FashionMNIST

    return [OfficialFile(FashionMNIST.mirrors[0] + name, name, md5) for name, md5 in FashionMNIST.resources]


def _emnist() -> list[OfficialFile]:
    from torchvision.datasets import EMNIST

    return [OfficialFile(EMNIST.url, "emnist-gzip.zip", EMNIST.md5)]


def _stl10() -> list[OfficialFile]:
    from torchvision.datasets import STL10

    return [OfficialFile(STL10.url, STL10.filename, STL10.tgz_md5)]


DATA_SETS: dict[str, Callable[[], list[OfficialFile]]] = {
    "cifar10": _cifar10,
    "fashion_mnist": _fashion_mnist,
    "emnist_letters": _emnist,
    "stl10": _stl10,
}


def official_source(kind: str, progress: Progress) -> Path:
    """The folder with the official files of a data set, or its one archive, downloaded where it is not there yet.

    A file that is there is checked and not downloaded again; one that was cut by an interruption is gone on with.

    Raises:
        UserError: no connection, or what came does not have the official checksum.
    """
    folder = cache_folder() / kind
    try:
        files = DATA_SETS[kind]()
    except ImportError as error:
        raise UserError(f"{kind}: the official download needs torchvision ({error}); or give --source PATH") from error
    for file in files:
        _download(file, folder, progress)
    return folder / files[0].name if len(files) == 1 else folder


def _download(file: OfficialFile, folder: Path, progress: Progress) -> None:
    """Bring a file that is not there yet, going on where an interrupted download stopped."""
    from torchvision.datasets.utils import check_integrity

    there, part = folder / file.name, folder / f"{file.name}.part"
    if check_integrity(there, file.md5):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(file, part, progress)
        if not check_integrity(part, file.md5):
            part.unlink()
            raise UserError(f"{file.url}: what came is not the official file (its MD5 sum differs); try again later")
        part.replace(there)
    except OSError as error:  # urllib's errors too
        reason = getattr(error, "reason", None) or error.strerror or error
        raise UserError(f"{file.url}: no download to {folder} ({reason}); or give --source PATH") from error


def _fetch(file: OfficialFile, part: Path, progress: Progress) -> None:
    """Append what is missing to `part`; a server that knows no ranges sends the whole file again."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(file.url, headers={"User-Agent": _AGENT, "Range": f"bytes={have}-"})
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return  # nothing is missing
        raise
    with answer, part.open("ab") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{part}: another process is downloading it; wait for it and run again") from None
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            out.truncate(0)
            have = 0
        whole = have + int(answer.headers.get("Content-Length", 0))
        stage = f"downloading {file.name}, kB"
        progress(stage, 0, whole // 1000)
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
            have += len(chunk)
            progress(stage, have // 1000, max(whole, have) // 1000)
    if have < whole:
        raise UserError(f"{file.url}: the connection was cut after {have:,} of {whole:,} bytes; run again to go on")
