"""Kaggle on this machine: a server that answers the real kaggle package, and competitions to bring there."""

import io
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from competition.catalog import Competition
from competition.kaggle.export import export_competition
from competition.prepare import prepare
from tests.competition.conftest import write_competition, write_pictures

DOWNLOAD = "/api/v1/competitions.CompetitionApiService/DownloadDataFiles"
INTROSPECT = "/api/v1/security.OAuthService/IntrospectToken"
TOKEN = "KGAT_0123456789abcdef"


class Kaggle(ThreadingHTTPServer):
    """Plays both the proxy and Kaggle behind it: the client is sent here by HTTP_PROXY and asks for `localhost`.

    `archives` are the files of each competition; `status` makes every download refuse, `drop` cuts the next one short.
    """

    def __init__(self) -> None:
        self.archives: dict[str, bytes] = {}
        self.status, self.introspect_status, self.drop = 302, 200, 0
        self.calls: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def environment(self, folder: Path) -> dict[str, str]:
        """What the real client needs in order to come here; its files and our cache lie in `folder`."""
        return {
            "HOME": str(folder),
            "GRADER_CACHE": str(folder / "cache"),
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "KAGGLE_API_TOKEN": TOKEN,
            "HTTP_PROXY": f"http://127.0.0.1:{self.server_port}",
            "NO_PROXY": "",
        }


class _Handler(BaseHTTPRequestHandler):
    server: Kaggle

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        path = urlsplit(self.path).path  # a proxy is asked for whole addresses
        self.server.calls.append(path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if path == INTROSPECT:
            self._json(self.server.introspect_status, {"active": body["token"] == TOKEN, "username": "student"})
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._json(401, {"code": 401, "message": "Unauthenticated"})
        elif path != DOWNLOAD or body["competitionName"] not in self.server.archives:
            self._json(404, {"code": 404, "message": "Not found"})
        elif self.server.status != 302:
            self._json(self.server.status, {"code": self.server.status, "message": "no"})
        else:
            self.send_response(302)
            self.send_header("Location", f"http://localhost/files/{body['competitionName']}.zip?signature=hidden")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_GET(self) -> None:
        self.server.calls.append(urlsplit(self.path).path)
        content = self.server.archives[Path(urlsplit(self.path).path).stem]
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", "Sun, 01 Nov 2020 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(content[: len(content) - self.server.drop])
        self.server.drop = 0

    def _json(self, status: int, answer: Mapping[str, object]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def kaggle() -> Iterator[Kaggle]:
    with Kaggle() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 6), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def participants_files() -> dict[str, bytes | str]:
    """What participants of a competition about pictures get: images by id, and no label of the test part."""
    files: dict[str, bytes | str] = {f"train_images/{number}.png": png(number) for number in range(40)}
    files |= {f"test_images/{number}.png": png(1000 + number) for number in range(10)}
    files["train.csv"] = "image_id,breed\n" + "".join(f"{n},{['pug', 'corgi'][n % 2]}\n" for n in range(40))
    files["test.csv"] = "image_id\n" + "".join(f"{n}\n" for n in range(10))
    files["sample_submission.csv"] = "image_id,breed\n" + "".join(f"{n},pug\n" for n in range(10))
    return files


@pytest.fixture
def shapes(tmp_path: Path) -> Callable[..., Competition]:
    """Make and prepare the competition `shapes`, with changes of its spec."""

    def make(**changes: object) -> Competition:
        folder = tmp_path / "competition" / "shapes"
        if not (folder / "pictures").exists():
            write_pictures(folder / "pictures")
        competition = write_competition(folder, **changes)
        prepare(competition, tmp_path / "data", tmp_path / "home")
        return competition

    return make


@pytest.fixture(scope="session")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the competition `shapes`, its bundle, its vault and its export in `out`."""
    root = tmp_path_factory.mktemp("exported")
    folder = root / "competition" / "shapes"
    write_pictures(folder / "pictures")
    prepare(write_competition(folder), root / "data", root / "home")
    export_competition("shapes", root / "data", root / "home", root / "out")
    return root


@pytest.fixture
def exported(tmp_path: Path, exported_once: Path) -> Path:
    """The competition `shapes` for Kaggle, a copy of the test's own with all it came from."""
    shutil.copytree(exported_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"
