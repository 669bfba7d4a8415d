"""A page served beside a monitor, and a browser to look at it."""

import json
import os
import shutil
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.orders import Orders
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store
from biosig.monitoring.web.board import Board
from biosig.monitoring.web.server import PageServer
from biosig.monitoring.web.wire import unpack

TOKEN = "a-token-that-must-not-be-seen-anywhere"
WAIT_S = 60.0
"""Longest wait for something that must come: bounded, never slept through."""


class Served:
    """A monitor in a thread of its own, and its page.

    Replays are begun when the test says so, so that nothing depends on how long a browser takes to start.
    """

    def __init__(self, bundle, session):
        self.orders = Orders()
        self.board = Board(self.orders)
        self.session = session
        self.raised = {}
        self.error = None
        ledger = Ledger(self.session, every_s=0.05)
        self.monitor = Monitor({"ecg": bundle}, ledger=ledger, listeners=[self._note, self.board], orders=self.orders)
        self._stop = threading.Event()
        self._thread = None

    def _note(self, monitor, step):
        """When, on the wall, each alarm was raised first."""
        for entry in step.entries:
            if getattr(entry.what, "kind", "") == "raised":
                self.raised.setdefault(entry.what.alarm, time.time())

    def watch(self, recordings, *, speed):
        """Begin to watch."""
        self.listen(Replay(recordings, speed=speed), Endless())

    def listen(self, *sources):
        """Begin to watch sources."""

        def run():
            try:
                self.monitor.run(sources, stop=self._stop.is_set)
            except Exception as error:
                self.error = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def end(self):
        self._stop.set()
        if self._thread is not None:
            self._thread.join(WAIT_S)
        assert self.error is None


class Endless(Replay):
    """A source of nobody, which keeps a monitor at its post after the recordings have ended."""

    def __init__(self):
        super().__init__({})
        self.ended = False

    def poll(self):
        return []

    def due_s(self):
        return 0.02


@pytest.fixture(scope="session")
def passage(flutter):
    """The 30 s of the record in which flutter begins."""
    return flutter.crop(30, 60)


@pytest.fixture
def watch_seconds(bundle, passage):
    """Watch the first seconds of the passage into a session, every alarm acknowledged by Dr N, and stop."""

    def run(session, seconds):
        def acknowledge(monitor, _step):
            if monitor.beds["207"].view().alarms:
                monitor.acknowledge("207", who="Dr N")

        done = []
        monitor = Monitor({"ecg": bundle}, ledger=Ledger(session), listeners=[acknowledge])
        monitor.run([Replay({"207": passage})], stop=lambda: done.append(0) or len(done) > seconds)

    return run


@pytest.fixture
def served(bundle, tmp_path, request, watch_seconds):
    """A session that goes on with one of so many seconds, where a test is parametrised with them."""
    store = Store.in_file(tmp_path / "events.sqlite")
    session = store.begin({})
    if seconds := getattr(request, "param", 0):
        watch_seconds(session, seconds)
    one = Served(bundle, session)
    with PageServer(one.board, one.orders, token=TOKEN) as server:
        one.server, one.door = server, server.door
        yield one
        one.end()
    store.close()


@pytest.fixture
def fetch(served):
    """Asks the server: status, headers, body."""

    def ask(path, *, headers=None, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{served.door.port}{path}", data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    return ask


@pytest.fixture
def enter(served, fetch):
    """Exchanges a token for a cookie, as the page does."""

    def go(token=TOKEN, **headers):
        origin = f"http://127.0.0.1:{served.door.port}"
        given = {"origin": origin, "content-type": "application/json", **headers}
        return fetch("/enter", headers=given, body=json.dumps({"token": token}).encode())

    return go


@pytest.fixture
def page(served, enter):
    """A page without a browser: connects, hears messages, asks."""

    @contextmanager
    def open_page(*, origin=None, cookie=None, **options):
        port = served.door.port
        if cookie is None:
            cookie = enter()[1]["set-cookie"].split(";")[0]
        given = {"Cookie": cookie}
        url = f"ws://127.0.0.1:{port}/live"
        with connect(url, origin=origin or f"http://127.0.0.1:{port}", additional_headers=given, **options) as socket:
            yield Page(socket)

    return open_page


class Page:
    def __init__(self, socket):
        self.socket = socket
        self._ids = iter(range(1, 10**6))

    def hear(self, kind, accept=lambda header: True):
        """The next message of a kind; the others before it are passed over."""
        ends = time.monotonic() + WAIT_S
        while True:
            header, samples = unpack(self.socket.recv(timeout=max(0.0, ends - time.monotonic())))
            if header["kind"] == kind and accept(header):
                return header, samples

    def next(self):
        """The header of the next message, whatever it is."""
        return unpack(self.socket.recv(timeout=WAIT_S))[0]

    def ask(self, **what):
        number = next(self._ids)
        self.socket.send(json.dumps({"id": number, **what}))
        return number

    def answer(self, **what):
        """Ask, and what went wrong."""
        number = self.ask(**what)
        return self.hear("answer", lambda header: header["id"] == number)[0]["error"]


def chromium() -> str:
    """A browser that is installed; the test is skipped where there is none."""
    named = os.environ.get("BIOSIG_CHROMIUM")
    for name in [named] if named else ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]:
        path = shutil.which(name)
        if path and Path(path).is_file():
            return path
    pytest.skip("needs Chromium: install it (apt-get install chromium), or name it in BIOSIG_CHROMIUM")


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
    arguments = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    arguments += " --disable-component-update --disable-sync"
    with playwright.sync_playwright() as tool:
        started = tool.chromium.launch(executable_path=path, args=arguments.split())
        yield started
        started.close()


@pytest.fixture
def screen(browser, served):
    """A window of the browser on the page; whatever goes wrong in a script fails the test."""
    contexts = []

    def look(*, url=None, width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(WAIT_S * 1000)
        contexts.append(context)
        window = context.new_page()
        window.errors = []
        window.on("pageerror", lambda error: window.errors.append(str(error)))
        window.fetched = []
        window.on("request", lambda request: window.fetched.append(request.url))
        window.goto(url or served.door.url)
        if url is None:
            window.wait_for_selector("#link[data-state='alive']")
        return window

    yield look
    for context in contexts:
        for window in context.pages:
            assert window.errors == []
        context.close()
