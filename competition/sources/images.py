"""A folder a class: `<any prefix>/<class>/<file>`, in a folder, a zip or a tar archive (torchvision's ImageFolder).

Chars74K's own naming is known too (http://www.ee.surrey.ac.uk/CVSSP/demos/chars74k): `img013-00042.png` is character
13 of `0-9A-Za-z`, drawn by computer face 42 (four faces, one after the other, are the styles of one family) or, with
three digits, `img013-042.png`, by writer 42.
"""

import re
import string
from collections.abc import Iterator
from typing import NamedTuple

from competition.errors import BadInputError, UserError
from competition.sources.decode import decode_images
from competition.sources.members import Member
from competition.sources.picture import SUFFIXES
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
    member: Member
    label: str
    group: str | None
    part: str | None


def is_image_folders(reading: Reading) -> bool:
    """Whether the source holds images, in folders."""
    return any(name.lower().endswith(SUFFIXES) for name in reading.container.members)


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
    images = decode_images(
        reading.container, [item.member for item in items], reading.wanted.shape, reading.wanted.progress
    )
    return Pool(
        images=images,
        table=None,
        labels=[item.label for item in items],
        names=[item.member.name for item in items],
        groups=_groups(items),
        parts=[item.part or "train" for item in items] if all(item.part for item in items) else None,
    )


def _items(reading: Reading) -> Iterator[_Item]:
    members = reading.container.members
    class_folders = {name.rpartition("/")[0] for name in members if name.lower().endswith(SUFFIXES)}
    for name, member in members.items():
        folder, _, file = name.rpartition("/")
        if folder not in class_folders:
            continue  # a readme or a licence beside the class folders
        if not name.lower().endswith(SUFFIXES):
            raise BadInputError(f"{reading.path}: {name!r} lies among images and is none by its name; take it out")
        above, _, class_name = folder.rpartition("/")
        group = None
        if match := CHARS74K.fullmatch(file):
            class_name, group = _chars74k_class(match, class_name), _chars74k_group(match)
        elif not class_name or class_name.lower() in PARTS:
            raise BadInputError(f"{reading.path}: {name!r} lies in no folder of a class; expected <class>/<file>")
        label = reading.wanted.labels.label_of(class_name, f"{reading.path}: {name!r}")
        if label is not None:
            yield _Item(member, label, group, PARTS.get(above.rpartition("/")[2].lower()))


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
    return [item.group or item.member.name for item in items]
