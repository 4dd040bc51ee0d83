"""Kaggle downloads: the real kaggle package against a server on this machine that answers as Kaggle's does."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from competition.errors import UserError
from competition.progress import silent
from competition.sources.kaggle import kaggle_source


class Kaggle(ThreadingHTTPServer):
    """Redirects a request for a competition's files to one archive; `status` makes it refuse."""

    def __init__(self, archive: bytes) -> None:
        self.archive, self.status, self.posts, self.gets = archive, 302, 0, 0
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Kaggle

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        self.server.posts += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status != 302:
            self._answer(self.server.status, b'{"code": %d, "message": "no"}' % self.server.status)
            return
        self.send_response(302)
        self.send_header("Location", f"{self.server.address}/archive.zip?signature=secret")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.gets += 1
        self._answer(200, self.server.archive)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status != 200 else "application/zip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Sun, 01 Nov 2020 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def kaggle(
    pictures: dict[str, bytes], zipped: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Kaggle]:
    """Kaggle with one competition, and somebody's credentials for it."""
    from kagglesdk import kaggle_env

    rows = "".join(f"{name},{name.split('/')[0]}\n" for name in pictures)
    files = pictures | {"train.csv": f"image,label\n{rows}".encode(), "test.csv": b"image\n"}
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "kaggle-config"))
    monkeypatch.setenv("KAGGLE_USERNAME", "student")
    monkeypatch.setenv("KAGGLE_KEY", "0" * 32)
    with Kaggle(zipped(files, "kaggle.zip").read_bytes()) as server:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, server.address)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_competition_is_downloaded_once_and_read(kaggle: Kaggle, load: Callable) -> None:
    pool = load(None, kind="kaggle", competition="cats-and-dogs", table="train.csv")
    assert pool.labels == ["cat"] * 3 + ["dog"] * 3
    gets = kaggle.gets
    assert len(load(None, kind="kaggle", competition="cats-and-dogs", table="train.csv")) == 6
    assert kaggle.gets <= gets + 1  # asked for, compared, not read again


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "not logged in; run `kaggle"), (403, "accept the competition's rules"), (404, "no such competition")],
)
def test_a_refusal_is_one_line(status: int, message: str, kaggle: Kaggle) -> None:
    kaggle.status = status
    with pytest.raises(UserError, match=f"kaggle competition 'cats-and-dogs': no download .*{message}") as caught:
        kaggle_source("cats-and-dogs", silent)
    assert "\n" not in str(caught.value)
    assert "http" not in str(caught.value).replace("kaggle.com", "")


def test_no_connection_is_one_line(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"kaggle competition 'cats-and-dogs': no download \(ConnectionError\)"):
        kaggle_source("cats-and-dogs", silent)


def test_no_credentials_are_one_line_and_print_nothing(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"kaggle: no credentials; run `kaggle auth login`"):
        kaggle_source("cats-and-dogs", silent)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("slug", ["", "../evil", "a/b", "-x", "UPPER"])
def test_what_is_no_slug_never_becomes_a_path(slug: str, cache: Path) -> None:
    with pytest.raises(UserError, match="is no name of a Kaggle competition"):
        kaggle_source(slug, silent)
    assert not cache.exists()


def test_a_kaggle_source_without_a_competition_says_which_key(load: Callable) -> None:
    with pytest.raises(UserError, match="name the competition as `source: competition:`"):
        load(None, kind="kaggle")
