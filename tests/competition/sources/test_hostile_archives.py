"""Archives that are damaged or mean harm: one line with the name of the member, and nothing left behind."""

import io
import os
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from competition.errors import BadInputError, UserError
from competition.sources import members

Pictures = dict[str, bytes]


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["../evil/1.png", "/etc/1.png", "cat/../../1.png", "C:/cat/1.png", "..\\cat\\1.png"])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_member_that_points_outside_is_refused(
    name: str, kind: str, pictures: Pictures, zipped: Callable, tarred: Callable, load: Callable, tmp_path: Path
) -> None:
    files = pictures | {name: pictures["cat/0.png"]}
    source = zipped(files) if kind == "zip" else tarred(files, f"source.{kind}")
    before = files_below(tmp_path)
    with pytest.raises(BadInputError, match=r"refused, the member .* points outside of the archive"):
        load(source)
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("link", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_link_or_device_in_a_tar_is_refused(link: bytes, mode: str, load: Callable, tmp_path: Path) -> None:
    path = tmp_path / ("links.tar" if mode == "w" else "links.tar.gz")
    with tarfile.open(path, mode) as archive:
        info = tarfile.TarInfo("cat/0.png")
        info.type, info.linkname = link, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(BadInputError, match=r"refused, the member 'cat/0.png' is a link or a device"):
        load(path)


def test_a_link_in_a_zip_is_refused(load: Callable, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        info = zipfile.ZipInfo("cat/0.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadInputError, match=r"refused, the member 'cat/0.png' is a link"):
        load(tmp_path / "links.zip")


def test_a_link_out_of_a_folder_is_refused(
    pictures: Pictures, unpacked: Callable, load: Callable, tmp_path: Path
) -> None:
    folder = unpacked(pictures)
    (tmp_path / "secret.png").write_bytes(pictures["cat/0.png"])
    (folder / "cat" / "9.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(BadInputError, match=r"9.png: refused, a link to a folder or out of"):
        load(folder)
    (folder / "cat" / "9.png").unlink()
    (folder / "cat" / "9.png").symlink_to(folder / "cat" / "0.png")
    assert len(load(folder)) == 7


def test_a_link_to_a_folder_is_refused_and_makes_no_endless_walk(
    pictures: Pictures, unpacked: Callable, load: Callable
) -> None:
    folder = unpacked(pictures)
    (folder / "cat" / "again").symlink_to(folder)
    with pytest.raises(BadInputError, match=r"again: refused, a link to a folder"):
        load(folder)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_refused_before_it_goes_off(
    kind: str, zipped: Callable, tarred: Callable, load: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "RATIO_FREE_BYTES", 1 << 20)
    bomb = {f"cat/{n}.png": bytes(8 << 20) for n in range(4)}
    source = zipped(bomb) if kind == "zip" else tarred(bomb, f"source.{kind}")
    with pytest.raises(BadInputError, match=r"refused, its [\d,]+ bytes would unpack to [\d,]+ or more"):
        load(source)


def test_a_zip_that_claims_terabytes_is_refused(zipped: Callable, pictures: Pictures, load: Callable) -> None:
    source = zipped(pictures)
    data = bytearray(source.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, directory + 24, 0xFFFFFFF0)
    source.write_bytes(data)
    with pytest.raises(BadInputError, match=r"refused, 'dog/2.png' would unpack to too much"):
        load(source)


@pytest.mark.parametrize("declared", [-5, 5])
def test_a_zip_member_of_another_length_than_declared_is_damaged(
    declared: int, zipped: Callable, pictures: Pictures, load: Callable
) -> None:
    source = zipped(pictures)
    data = bytearray(source.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + declared)
    source.write_bytes(data)
    with pytest.raises(BadInputError, match=r"'dog/2.png' is damaged \(its length differs"):
        load(source)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_byte_in_a_zip_is_found(method: int, zipped: Callable, pictures: Pictures, load: Callable) -> None:
    source = zipped(pictures, method=method)
    data = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as archive:
        info = archive.getinfo("dog/1.png")
    data[info.header_offset + 30 + len("dog/1.png") + info.compress_size // 2] ^= 0x10
    source.write_bytes(data)
    with pytest.raises(BadInputError, match=r"'dog/1.png' is damaged"):
        load(source)


@pytest.mark.parametrize("name", ["source.zip", "source.tar", "source.tar.gz", "source.tar.bz2", "source.tar.xz"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.97])
def test_a_truncated_archive_is_refused(
    name: str, kept: float, zipped: Callable, tarred: Callable, pictures: Pictures, load: Callable
) -> None:
    source = zipped(pictures) if name.endswith("zip") else tarred(pictures, name)
    end = len(source.read_bytes())
    if name.endswith(".tar"):  # what follows the end mark is padding
        end = 6 * 1024 + 512
    source.write_bytes(source.read_bytes()[: int(kept * end)])
    with pytest.raises(BadInputError, match=r"not a whole (zip|tar) archive"):
        load(source)


def test_a_member_that_comes_twice_is_refused(pictures: Pictures, load: Callable, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for _ in range(2):
            archive.writestr("cat/0.png", pictures["cat/0.png"])
    with pytest.raises(BadInputError, match=r"the member 'cat/0.png' comes twice"):
        load(tmp_path / "twice.zip")


def test_an_encrypted_zip_is_refused(zipped: Callable, pictures: Pictures, load: Callable) -> None:
    source = zipped(pictures)
    data = bytearray(source.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(data)
    with pytest.raises(BadInputError, match=r"'cat/0.png' is encrypted; unpack the archive"):
        load(source)


def test_a_rare_compression_is_named(zipped: Callable, pictures: Pictures, load: Callable) -> None:
    with pytest.raises(BadInputError, match=r"'cat/0.png' is neither stored nor deflated"):
        load(zipped(pictures, method=zipfile.ZIP_LZMA))


def test_a_corrupt_image_is_named(zipped: Callable, pictures: Pictures, load: Callable, cache: Path) -> None:
    whole = pictures["dog/1.png"]
    for broken in (b"", b"GIF89a", b"no image at all", whole[: len(whole) // 2], whole[:-20] + whole[-12:]):
        with pytest.raises(BadInputError, match=r"'dog/1.png' is no readable image \(.+\); mend it or take it out"):
            load(zipped(pictures | {"dog/1.png": broken}))
    assert not files_below(cache) - set(cache.glob("unfinished/*/*.npy"))


def test_an_image_of_too_many_pixels_is_refused_by_its_header(
    zipped: Callable, pictures: Pictures, load: Callable
) -> None:
    def png(width: int, height: int) -> bytes:
        import zlib

        def chunk(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
        )

    with pytest.raises(BadInputError, match=r"'cat/0.png' .*60,000 x 60,000 pixels"):
        load(zipped(pictures | {"cat/0.png": png(60_000, 60_000)}))
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(buffer, "JPEG")
    jpeg = bytearray(buffer.getvalue())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(BadInputError, match=r"'cat/0.jpg' .*65,535 x 65,535 pixels"):
        load(zipped(pictures | {"cat/0.jpg": bytes(jpeg)}))


def test_no_mutation_of_an_archive_gives_a_traceback(
    zipped: Callable, tarred: Callable, pictures: Pictures, load: Callable
) -> None:
    dice = random.Random(3)
    originals = {
        path: path.read_bytes() for path in (zipped(pictures), tarred(pictures), tarred(pictures, "source.tar.gz"))
    }
    refused = 0
    for _ in range(300):
        path, content = dice.choice(list(originals.items()))
        data = bytearray(content)
        for _ in range(dice.choice((1, 3, 20))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data)
        try:
            assert len(load(path)) <= 6
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_a_missing_source_says_what_to_do(load: Callable, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent.zip: no such file or folder; name the source with --source PATH"):
        load(tmp_path / "absent.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_named(pictures: Pictures, unpacked: Callable, load: Callable) -> None:
    folder = unpacked(pictures)
    (folder / "cat").chmod(0)
    with pytest.raises(BadInputError, match=r"cat/?: cannot be read \(Permission denied\)"):
        load(folder)
    (folder / "cat").chmod(0o700)


def test_a_source_of_nothing_known_lists_what_is_known(unpacked: Callable, load: Callable) -> None:
    with pytest.raises(BadInputError, match=r"none of these is here: .*CIFAR-10 batches; .*folders of images"):
        load(unpacked({"notes.txt": b"hello"}))
