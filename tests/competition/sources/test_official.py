"""Official downloads: torchvision's own code against a real server on this machine, at addresses of its own."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, EMNIST, STL10, FashionMNIST

from competition.errors import UserError
from competition.sources.official import DATA_SETS


class Server(ThreadingHTTPServer):
    """Serves a folder, also parts of its files, and remembers what was asked for.

    `cut_after` ends an answer after so many bytes, as a lost connection does; `knows_ranges` may be turned off.
    """

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.sent_bytes = 0
        self.cut_after: int | None = None
        self.knows_ranges = True
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                if self.command == "GET":
                    server.asked.append(self.path.rpartition("/")[2])

            def do_GET(self) -> None:
                path = Path(self.translate_path(self.path))
                if not path.is_file():
                    self.send_error(404)
                    return
                content = path.read_bytes()
                start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if server.knows_ranges else 0
                if start and start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if server.knows_ranges else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                sent = content[start:][: server.cut_after]
                server.sent_bytes += len(sent)
                self.wfile.write(sent)

        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


@pytest.fixture
def server(site: Path) -> Iterator[Server]:
    with Server(site) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def fashion(site: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Fashion-MNIST's four files, small, at an address that torchvision takes for the official one."""
    contents = {
        "train-images-idx3-ubyte.gz": idx(np.arange(240).reshape(4, 10, 6)),
        "train-labels-idx1-ubyte.gz": idx(np.array([0, 1, 0, 1])),
        "t10k-images-idx3-ubyte.gz": idx(np.arange(120).reshape(2, 10, 6)),
        "t10k-labels-idx1-ubyte.gz": idx(np.array([1, 0])),
    }
    resources = []
    for name, content in contents.items():
        (site / name).write_bytes(gzip.compress(content))
        resources.append((name, hashlib.md5((site / name).read_bytes()).hexdigest()))
    monkeypatch.setattr(FashionMNIST, "mirrors", [server.address])
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    return server


def test_the_addresses_and_checksums_are_torchvisions() -> None:
    official = {kind: files() for kind, files in DATA_SETS.items()}
    assert official["cifar10"][0][::2] == (CIFAR10.url, CIFAR10.tgz_md5)
    assert official["stl10"][0][::2] == (STL10.url, STL10.tgz_md5)
    assert official["emnist_letters"][0][::2] == (EMNIST.url, EMNIST.md5)
    assert [file.md5 for file in official["fashion_mnist"]] == [md5 for _, md5 in FashionMNIST.resources]
    assert len(official["fashion_mnist"]) == 4


def test_a_data_set_is_downloaded_once(fashion: Server, load: Callable) -> None:
    pool = load(None, image=(10, 6, 1), kind="fashion_mnist")
    assert (pool.images.ravel() == [*range(240), *range(120)]).all()
    assert pool.labels == ["cat", "dog", "cat", "dog", "dog", "cat"]
    assert len(set(fashion.asked)) == 4
    fashion.asked.clear()
    assert load(None, image=(10, 6, 1), kind="fashion_mnist").labels == pool.labels
    assert not fashion.asked


def test_a_data_set_that_is_there_needs_no_connection(fashion: Server, load: Callable) -> None:
    load(None, image=(10, 6, 1), kind="fashion_mnist")
    fashion.shutdown()
    fashion.server_close()
    assert len(load(None, image=(10, 6, 1), kind="fashion_mnist")) == 6


def test_a_file_with_another_checksum_is_refused_and_not_kept(
    fashion: Server, site: Path, load: Callable, cache: Path
) -> None:
    (site / "t10k-images-idx3-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte.gz: what came is not the official file") as caught:
        load(None, image=(10, 6, 1), kind="fashion_mnist")
    assert "\n" not in str(caught.value)
    assert {path.name for path in (cache / "fashion_mnist").iterdir()} == {
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    }


def test_a_download_that_was_cut_is_made_again(fashion: Server, load: Callable, cache: Path) -> None:
    load(None, image=(10, 6, 1), kind="fashion_mnist")
    there = cache / "fashion_mnist" / "train-images-idx3-ubyte.gz"
    there.write_bytes(there.read_bytes()[:20])
    fashion.asked.clear()
    assert len(load(None, image=(10, 6, 1), kind="fashion_mnist")) == 6
    assert set(fashion.asked) == {"train-images-idx3-ubyte.gz"}


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_an_interrupted_download_goes_on_where_it_stopped(
    fashion: Server, site: Path, load: Callable, cache: Path, knows_ranges: bool
) -> None:
    whole = sum(path.stat().st_size for path in site.iterdir())
    fashion.cut_after = 20
    with pytest.raises(UserError, match=r"the connection was cut after 20 of .* run again to go on"):
        load(None, image=(10, 6, 1), kind="fashion_mnist")
    assert (cache / "fashion_mnist" / "train-images-idx3-ubyte.gz.part").stat().st_size == 20
    fashion.cut_after, fashion.knows_ranges = None, knows_ranges
    assert len(load(None, image=(10, 6, 1), kind="fashion_mnist")) == 6
    assert fashion.sent_bytes == whole + (0 if knows_ranges else 20)
    assert len(list((cache / "fashion_mnist").iterdir())) == 4


def test_a_download_that_lacked_only_its_last_name_is_whole(
    fashion: Server, site: Path, load: Callable, cache: Path
) -> None:
    (cache / "fashion_mnist").mkdir(parents=True)
    for path in site.iterdir():
        (cache / "fashion_mnist" / f"{path.name}.part").write_bytes(path.read_bytes())
    assert len(load(None, image=(10, 6, 1), kind="fashion_mnist")) == 6
    assert fashion.sent_bytes == 0


def test_no_connection_is_told_with_the_way_out(
    fashion: Server, load: Callable, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(UserError, match=r"127.0.0.1:9/train-images.*: no download to .*refused.*; or give --source"):
        load(None, image=(10, 6, 1), kind="fashion_mnist")
    assert not list((cache / "fashion_mnist").iterdir())


def test_a_file_that_is_not_on_the_server_is_told(fashion: Server, site: Path, load: Callable) -> None:
    (site / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz: no download .*Not Found"):
        load(None, image=(10, 6, 1), kind="fashion_mnist")


def test_an_archive_is_read_without_unpacking_it(
    site: Path, server: Server, tarred: Callable, load: Callable, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.arange(2 * 2 * 3072).astype(np.uint8).reshape(4, 3072)
    records = np.concatenate([np.array([[3], [5], [3], [5]], np.uint8), pixels], axis=1)
    made = tarred({"cifar-10-batches-bin/data_batch_1.bin": records.tobytes()}, "official.tar.gz")
    made.rename(site / "official.tar.gz")
    monkeypatch.setattr(CIFAR10, "url", f"{server.address}official.tar.gz")
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5((site / "official.tar.gz").read_bytes()).hexdigest())
    pool = load(None, image=(32, 32, 3), kind="cifar10", other_classes="drop")
    assert pool.labels == ["cat", "dog", "cat", "dog"]
    assert [path.name for path in cache.rglob("*") if path.is_file()] == [CIFAR10.filename]
