"""Where a competition's items lie: the path that was named, or what the kind of its source stands for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from competition.errors import UserError
from competition.sources.fonts import EMBEDDED
from competition.sources.kaggle import kaggle_source
from competition.sources.official import DATA_SETS, official_source
from competition.sources.pool import Pool
from competition.sources.read import read_source
from competition.sources.reading import Wanted


def read_places(folder: Path, source: Path | None, wanted: Wanted) -> Pool:
    """Read the source, or the spec's own one, or the several files of it that the spec lists.

    Raises:
        UserError: there is no such source, or no connection to get it.
        BadInputError: it is damaged or hostile, or does not fit the spec.
    """
    return _joined([read_source(path, wanted) for path in _paths(folder, source, wanted)])


def _paths(folder: Path, source: Path | None, wanted: Wanted) -> list[Path]:
    """What is read: usually one folder or archive, several where the spec lists `files` and the source holds them."""
    path = source or _own_source(folder, wanted)
    listed = [path / name for name in wanted.source.files if (path / name).is_file()]
    return listed or [path]


def _own_source(folder: Path, wanted: Wanted) -> Path:
    """Where the spec's kind of source lies, after a download where that is needed."""
    source = wanted.source
    if source.kind in DATA_SETS:
        return official_source(source.kind, wanted.progress)
    if source.kind == "kaggle":
        if source.competition is None:
            raise UserError(f"{folder}: the source is kaggle; name the competition as `source: competition:`")
        return kaggle_source(source.competition, wanted.progress)
    if source.path:
        return folder / source.path
    if source.kind == "glyphs":
        return EMBEDDED
    raise UserError(f"{folder}: the spec has no `source: path:`; add it, or give --source PATH")


def _joined(pools: Sequence[Pool]) -> Pool:
    """One pool of several, in their order; where only some know groups, other items are groups of their own."""
    if len(pools) == 1:
        return pools[0]
    if any(pool.images is None for pool in pools):
        raise UserError("several tables cannot be joined; list one file as `source: files:`")
    return Pool(
        images=np.concatenate([pool.images for pool in pools if pool.images is not None]),
        table=None,
        labels=[label for pool in pools for label in pool.labels],
        names=[f"{number}/{name}" for number, pool in enumerate(pools, start=1) for name in pool.names],
        groups=_joined_groups(pools),
    )


def _joined_groups(pools: Sequence[Pool]) -> list[str] | None:
    if all(pool.groups is None for pool in pools):
        return None
    return [
        f"{number}/{group}"
        for number, pool in enumerate(pools, start=1)
        for group in (pool.groups if pool.groups is not None else pool.names)
    ]
