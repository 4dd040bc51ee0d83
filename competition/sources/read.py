"""Recognise what lies at a path and read it, whatever the spec expected there."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from competition.errors import BadInputError
from competition.sources.cache import scratch_folder
from competition.sources.cifar import is_cifar10, read_cifar10
from competition.sources.container import is_archive, open_container
from competition.sources.fonts import embedded_pool
from competition.sources.idx import is_idx, read_idx
from competition.sources.images import is_image_folders, is_in_class_folder, read_images
from competition.sources.members import Container
from competition.sources.picture import SUFFIXES
from competition.sources.pool import Pool
from competition.sources.reading import TABLE_SUFFIXES, Reading, Wanted
from competition.sources.stl10 import is_stl10, read_stl10


class ContentLayout(NamedTuple):
    """One way in which a source lays out its items: its name, how it is recognised, how it is read."""

    name: str
    is_here: Callable[[Reading], bool]
    read: Callable[[Reading], Pool]


def _is_glyphs(reading: Reading) -> bool:
    return {"index.json", "0.xz"} <= set(reading.others)


def _read_glyphs(reading: Reading) -> Pool:
    return embedded_pool(reading.wanted.progress, reading.path)


def _is_table(reading: Reading) -> bool:
    """Whether there is a table that is more than a note beside folders of images."""
    if not any(name.lower().endswith(TABLE_SUFFIXES) for name in reading.others):
        return False
    source = reading.wanted.source
    if source.kind == "table" or source.table or source.label_column or source.image_column:
        return True
    return not any(map(is_in_class_folder, reading.images))


def _read_table(reading: Reading) -> Pool:
    from competition.sources.table import read_table  # polars, a tenth of a second that images need not wait for

    return read_table(reading)


def _is_host(reading: Reading) -> bool:
    """Whether the spec says that a Kaggle host's files are to be read."""
    return reading.wanted.source.kind == "host"


def _read_host(reading: Reading) -> Pool:
    from competition.sources.host import read_host  # polars here too

    return read_host(reading)


# The first that is here is read: a table may name images, so it is asked before a mere folder of them.
LAYOUTS = (
    ContentLayout("the files of a Kaggle host", _is_host, _read_host),
    ContentLayout("CIFAR-10 batches", is_cifar10, read_cifar10),
    ContentLayout("STL-10 binary files", is_stl10, read_stl10),
    ContentLayout("idx files", is_idx, read_idx),
    ContentLayout("embedded glyphs", _is_glyphs, _read_glyphs),
    ContentLayout("a CSV or parquet table", _is_table, _read_table),
    ContentLayout("folders of images, one a class", is_image_folders, read_images),
)


def read_source(path: Path, wanted: Wanted) -> Pool:
    """Read the folder, the archive or the file at `path`.

    Raises:
        UserError: there is nothing at `path`, or the spec names what is not there.
        BadInputError: what lies there is damaged, hostile or of no known layout.
    """
    with open_container(path, scratch_folder(), wanted.progress) as container:
        reading = _reading(container, wanted)
        for layout in LAYOUTS:
            if layout.is_here(reading):
                return layout.read(reading)
        archives = [path / name for name in container.members if is_archive(path / name)] if path.is_dir() else []
    if len(archives) == 1:
        return read_source(archives[0], wanted)
    known = "; ".join(layout.name for layout in LAYOUTS)
    several = f"holds {len(archives)} archives, name one of them" if archives else f"none of these is here: {known}"
    raise BadInputError(f"{path}: {several}")


def _reading(container: Container, wanted: Wanted) -> Reading:
    images: list[str] = []
    others: list[str] = []
    for name in container.members:
        (images if name.lower().endswith(SUFFIXES) else others).append(name)
    return Reading(container, wanted, images, others)
