"""Fetching from a real HTTP server on this machine's loopback."""

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest

from sparsedend import datasets
from sparsedend.datasets import catalogue
from sparsedend.errors import InputError
from tests.datasets.test_datasets import small_originals

FIRST, SECOND = catalogue.IDX_FILES[:2]


class Files:
    """What a server serves; requests can be cut in the middle of the body."""

    def __init__(self, contents):
        self.contents = contents
        self.cut = set()
        self.requests = []


@contextmanager
def server(files):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.lstrip("/")
            files.requests.append(name)
            content = files.contents.get(name)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if name in files.cut else content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/"
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def files(monkeypatch):
    """A server of small original files under the name "tiny"."""
    contents, _ = small_originals(monkeypatch)
    served = Files(dict(contents))
    with server(served) as address:
        small_originals(monkeypatch, address=address)
        yield served


def test_what_the_system_says_of_the_cache(monkeypatch):
    """Also where the error has words alone, and no number."""
    small_originals(monkeypatch)
    for error, words in ((OSError("no quota"), "no quota"), (OSError(28, "x"), "No space left")):

        def retrieve(*_, error=error, **__):
            raise error

        monkeypatch.setattr("pooch.retrieve", retrieve)
        with pytest.raises(InputError, match=rf"cannot be written \({words}.*\): set SPARSEDEND_D"):
            datasets.fetch("tiny")


def test_fetch(files, cache):
    assert datasets.fetch("tiny") == cache / "tiny.h5"
    assert len(datasets.load("tiny").train_x) == 6
    assert files.requests == list(catalogue.IDX_FILES)
    datasets.fetch("tiny")
    assert len(files.requests) == 4, "files with the right checksum are not fetched again"


@pytest.mark.parametrize(
    ("asked", "terminal", "shown"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_a_progress_bar_and_the_end_of_patience(files, monkeypatch, asked, terminal, shown):
    made = []
    real = pooch.HTTPDownloader

    def downloader(**options):
        made.append(options)
        return real(**options | {"progressbar": False})

    monkeypatch.setattr(pooch, "HTTPDownloader", downloader)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    datasets.fetch("tiny", progress=asked)
    assert made == [{"progressbar": shown, "timeout": 30}]


def test_load_fetches_what_is_nowhere_else(files):
    assert len(datasets.load("tiny").test_x) == 3


def test_a_cut_connection_leaves_nothing_behind_and_can_be_tried_again(files, cache):
    files.cut.add(SECOND)
    with pytest.raises(InputError, match=rf"{SECOND} cannot be downloaded .*: try again"):
        datasets.fetch("tiny")
    assert not (cache / "tiny.h5").exists()
    assert [path.name for path in (cache / "originals" / "tiny").iterdir()] == [FIRST]
    files.cut.clear()
    datasets.fetch("tiny")
    assert len(datasets.load("tiny").train_x) == 6


def test_a_wrong_checksum_is_not_converted(files, cache):
    files.contents[SECOND] = files.contents[SECOND] + b"x"
    with pytest.raises(InputError, match=rf"{SECOND} is not the original file, its checksum"):
        datasets.fetch("tiny")
    assert not (cache / "tiny.h5").exists()
    assert not (cache / "originals" / "tiny" / SECOND).exists()


def test_a_missing_file(files):
    del files.contents[SECOND]
    with pytest.raises(InputError, match=rf"{SECOND} cannot be downloaded \(404.*SPARSEDEND_ORIG"):
        datasets.fetch("tiny")


def test_a_server_that_is_not_there(monkeypatch):
    with server(Files({})) as gone:
        pass
    small_originals(monkeypatch, address=gone)
    with pytest.raises(InputError, match=r"cannot be downloaded \(ConnectionError\): try again"):
        datasets.fetch("tiny")


def test_a_cache_that_cannot_be_written(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SPARSEDEND_DATA", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set SPARSEDEND_DATA to a folder that can"):
        datasets.fetch("tiny")


def test_unknown_and_embedded_names():
    with pytest.raises(InputError, match="unknown data set 'x'"):
        datasets.fetch("x")
    with pytest.raises(InputError, match="nothing to fetch"):
        datasets.fetch("digits")


def test_the_real_fashion_mnist(originals, monkeypatch):
    folder = originals("fmnist")
    entry = catalogue.CATALOGUE["fmnist"]
    served = Files({name: (folder / name).read_bytes() for name in entry.md5})
    with server(served) as address:
        local = replace(entry, address=address)
        monkeypatch.setitem(catalogue.CATALOGUE, "fmnist", local)
        dataset = datasets.load("fmnist")
    np.testing.assert_array_equal(np.bincount(dataset.test_y), 1000)


def test_originals_come_by_https_and_by_checksum():
    for known in catalogue.CATALOGUE.values():
        assert known.address is None or known.address.startswith("https://")
        assert all(re.fullmatch(r"[0-9a-f]{32}", md5) for md5 in known.md5.values())
