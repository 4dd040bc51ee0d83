"""A folder a class: `<any prefix>/<class>/<file>`, in a folder, a zip or a tar archive (torchvision's ImageFolder).

Chars74K's own naming is known too (http://www.ee.surrey.ac.uk/CVSSP/demos/chars74k): `img013-00042.png` is character
13 of `0-9A-Za-z`, drawn by computer face 42 (four faces, one after the other, are the styles of one family) or, with
three digits, `img013-042.png`, by writer 42.
"""

import re
import string
from collections.abc import Collection, Iterator
from typing import NamedTuple

from competition.errors import BadInputError, UserError
from competition.sources.decode import decode_images
from competition.sources.pool import Pool
from competition.sources.reading import Reading

PARTS = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}
CHARS74K = re.compile(r"img(?P<character>\d{3})-(?:(?P<face>\d{5})|(?P<writer>\d{3}))\.png")
CHARS74K_CLASSES = string.digits + string.ascii_uppercase + string.ascii_lowercase
STYLES_A_FAMILY = 4


class _Item(NamedTuple):
    name: str
    label: str
    group: str | None
    part: str | None


def is_image_folders(reading: Reading) -> bool:
    """Whether the source holds images, in folders."""
    return bool(reading.images)


def is_in_class_folder(name: str) -> bool:
    """Whether an image lies in a folder that may be named after its class."""
    return name.rpartition("/")[0].rpartition("/")[2].lower() not in ("", "images", *PARTS)


def read_images(reading: Reading) -> Pool:
    """All images, decoded, in the order of the container.

    Raises:
        BadInputError: a file is in no class folder, is no image, or its class is outside the label set.
    """
    if reading.wanted.shape is None:
        raise UserError(f"{reading.path}: holds images, but the spec has no `image` shape; add it to competition.yaml")
    items = list(_items(reading))
    if not items:
        raise BadInputError(f"{reading.path}: no image of any class in the label set")
    members = [reading.container.members[item.name] for item in items]
    images = decode_images(reading.container, members, reading.wanted.shape, reading.wanted.progress)
    return Pool(
        images=images,
        table=None,
        labels=[item.label for item in items],
        names=[item.name for item in items],
        groups=_groups(items),
        parts=[item.part or "train" for item in items] if all(item.part for item in items) else None,
    )


def _items(reading: Reading) -> Iterator[_Item]:
    label_of = reading.wanted.labels.label_of
    folders = {folder: _class_and_part(folder) for folder in {name.rpartition("/")[0] for name in reading.images}}
    _refuse_strangers(reading, folders.keys())
    for name in reading.images:
        folder, _, file = name.rpartition("/")
        class_name, part = folders[folder]
        group = None
        if match := CHARS74K.fullmatch(file):
            class_name, group = _chars74k_class(match, class_name), _chars74k_group(match)
        elif not class_name:
            raise BadInputError(f"{reading.path}: {name!r} lies in no folder of a class; expected <class>/<file>")
        label = label_of(class_name, reading.path, name)
        if label is not None:
            yield _Item(name, label, group, part)


def _class_and_part(folder: str) -> tuple[str, str | None]:
    """The class that a folder is named after ("" for none) and the part that the folder above it is named after."""
    above, _, name = folder.rpartition("/")
    return ("" if name.lower() in PARTS else name), PARTS.get(above.rpartition("/")[2].lower())


def _refuse_strangers(reading: Reading, folders: Collection[str]) -> None:
    """Refuse what lies among images and is none; a readme or a licence beside the class folders is left alone."""
    for name in reading.others:
        if name.rpartition("/")[0] in folders:
            raise BadInputError(f"{reading.path}: {name!r} lies among images and is none by its name; take it out")


def _chars74k_class(match: re.Match[str], folder: str) -> str:
    number = int(match["character"])
    return CHARS74K_CLASSES[number - 1] if 1 <= number <= len(CHARS74K_CLASSES) else folder


def _chars74k_group(match: re.Match[str]) -> str:
    if match["writer"]:
        return f"writer {match['writer']}"
    return f"family {(int(match['face']) - 1) // STYLES_A_FAMILY + 1:03d}"


def _groups(items: list[_Item]) -> list[str] | None:
    """The group of each item; an item of unknown writer is a group of its own beside the known ones."""
    if all(item.group is None for item in items):
        return None
    return [item.group or item.name for item in items]
