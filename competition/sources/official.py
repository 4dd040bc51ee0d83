"""The official files of the public data sets, downloaded and checked by torchvision, from the places it names.

Only torchvision's downloading and its table of addresses and MD5 sums are used. Its readers are not: they unpickle, and
they leave EMNIST's letters lying on their side.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from competition.errors import UserError
from competition.progress import Progress
from competition.sources.cache import cache_folder


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

    A file that is there is checked and not downloaded again; one that was cut by an interruption is.

    Raises:
        UserError: no connection, or what came does not have the official checksum.
    """
    folder = cache_folder() / kind
    try:
        files = DATA_SETS[kind]()
    except ImportError as error:
        raise UserError(f"{kind}: the official download needs torchvision ({error}); or give --source PATH") from error
    for step, file in enumerate(files):
        progress("download", step, len(files))
        _download(file, folder)
    progress("download", len(files), len(files))
    return folder / files[0].name if len(files) == 1 else folder


def _download(file: OfficialFile, folder: Path) -> None:
    from torchvision.datasets.utils import check_integrity, download_url

    there = folder / file.name
    if check_integrity(there, file.md5):
        return
    aside = f"{file.name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        download_url(file.url, folder, aside, file.md5)
        (folder / aside).replace(there)
    except RuntimeError as error:  # torchvision's word for a checksum that differs
        raise UserError(f"{file.url}: what came is not the official file ({error}); try again later") from error
    except OSError as error:  # urllib's errors too
        reason = getattr(error, "reason", None) or error.strerror or error
        raise UserError(f"{file.url}: no download to {folder} ({reason}); or give --source PATH") from error
    finally:
        (folder / aside).unlink(missing_ok=True)
