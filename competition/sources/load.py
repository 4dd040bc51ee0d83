"""From the spec of a competition to the pool of its items."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from competition.errors import UserError
from competition.progress import Progress, silent
from competition.sources.pool import Pool

if TYPE_CHECKING:
    from competition.spec import CompetitionSpec

# No space, no more space for this user, a file too large for the disk, a folder that may not be written to.
MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)


def load_pool(spec: "CompetitionSpec", folder: Path, source: Path | None, progress: Progress = silent) -> Pool:
    """All items of a competition, labelled in the words of its label set, images at its image shape.

    Args:
        spec: the competition's spec.
        folder: the competition's folder, in which `source: path:` of the spec lies.
        source: a folder or file to read instead of the spec's own source.
        progress: told how far the work is.

    Raises:
        UserError: there is no such source, no connection, no space.
        BadInputError: the source is damaged or hostile, or does not fit the spec.
    """
    # Here and not above: reading a spec imports this package, and a spec needs no image library.
    from competition.sources.labels import LabelSet
    from competition.sources.picture import Shape
    from competition.sources.places import read_places
    from competition.sources.reading import Wanted

    image = spec.image
    shape = Shape(image.height, image.width, image.channels, spec.source.fit) if image else None
    labels = LabelSet(spec.labels, spec.source.other_classes)
    try:
        pool = read_places(folder, source, Wanted(labels, shape, spec.source, progress))
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        where = error.filename or "the cache folder (GRADER_CACHE)"
        raise UserError(f"{where}: {error.strerror}; free some space or choose another folder") from error
    labels.refuse_small_classes(pool.labels, str(source or spec.source.kind))
    return pool
