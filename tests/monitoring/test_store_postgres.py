"""The same log in PostgreSQL: the server of BIOSIG_POSTGRES (an SQLAlchemy URL), else one started here where it can be.

A server started here listens on a socket in a folder of its own, not on the network.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from biosig.datasets.mitbih import SAMPLE
from biosig.errors import StoreError
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store


def programs():
    """The folder of ``initdb`` and ``pg_ctl``: on the path, or where Debian and Red Hat put them; None = nowhere."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).parent] if on_path else []
    for pattern in ("lib/postgresql/*/bin", "pgsql-*/bin"):
        folders += sorted(Path("/usr").glob(pattern), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


class Server:
    """PostgreSQL in a folder of its own, until ``stop``."""

    def __init__(self, bin_folder, folder):
        self._control = bin_folder / "pg_ctl"
        self._folder = folder
        self._user = None
        if os.geteuid() == 0:  # which PostgreSQL refuses to be run by
            names = {one.pw_name for one in pwd.getpwall()}
            self._user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(folder, self._user)
        self._run([bin_folder / "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "biosig"])
        self.start()

    @property
    def url(self):
        return f"postgresql+psycopg://biosig@/postgres?host={self._folder}"

    def start(self):
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off"
        self._run([*self._data, "-w", "-l", f"{self._folder}/log", "-o", options, "start"])

    def stop(self):
        self._run([*self._data, "-m", "immediate", "stop"])

    def _run(self, command):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, cwd=self._folder, user=self._user, check=True, **quiet)

    @property
    def _data(self):
        return [self._control, "-D", f"{self._folder}/data"]


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg", reason="needs psycopg (extra postgres)")
    found = programs()
    if found is None:
        pytest.skip("needs initdb and pg_ctl of PostgreSQL")
    # a socket's path holds 107 bytes at most: not in pytest's folders
    with tempfile.TemporaryDirectory(prefix="biosig-pg-") as folder:
        started = Server(found, folder)
        try:
            yield started
        finally:
            started.stop()


@pytest.fixture
def url(request):
    pytest.importorskip("psycopg", reason="needs psycopg (extra postgres)")
    return os.environ.get("BIOSIG_POSTGRES") or request.getfixturevalue("server").url


def test_a_log_stopped_and_resumed_in_postgresql_is_that_of_sqlite(url, bundle, flutter, unbroken, log):
    config = {"sources": ["207"], "run": os.urandom(8).hex()}
    for stop_after in (5, 11, None):
        store = Store(url)
        session = store.begin(config) if stop_after == 5 else store.resume(config)
        rounds = iter(range(10**6))
        stop = (lambda: False) if stop_after is None else (lambda rounds=rounds, n=stop_after: next(rounds) >= n)
        Monitor({"ecg": bundle}, ledger=Ledger(session, every_s=0.0)).run([Replay({"207": flutter})], stop=stop)
        rows, ended = log(session), session.ended
        store.close()
    assert ended
    assert rows == unbroken


def test_kills_leave_the_log_of_an_unbroken_run_in_postgresql_too(url, bundle_folder, unbroken, log, watch_killed):
    store, session, kills = watch_killed(bundle_folder, SAMPLE / "207", 200, 260, url, 6, 3)
    rows = log(session, "mitdb/207")
    store.close()
    assert kills >= 4
    assert rows == unbroken


def test_a_server_that_goes_away_for_a_while_is_waited_for(server, bundle, flutter, unbroken, log):
    store = Store(server.url)
    session = store.begin({})
    troubles = {}

    def interrupt(monitor, step):
        second = monitor.beds["207"].time_s
        if second in {10.0: server.stop, 30.0: server.start} and second not in troubles:
            {10.0: server.stop, 30.0: server.start}[second]()
        troubles[second] = monitor.trouble
        clock[0] += 1.0

    clock = [0.0]
    ledger = Ledger(session, hold_s=60.0, clock=lambda: clock[0])
    Monitor({"ecg": bundle}, ledger=ledger, listeners=[interrupt]).run([Replay({"207": flutter})])
    assert troubles[25.0].startswith("postgresql+psycopg://biosig@/postgres")
    assert not troubles[60.0]
    assert log(session) == unbroken
    store.close()


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path):
    pytest.importorskip("psycopg", reason="needs psycopg (extra postgres)")
    with pytest.raises(StoreError) as refused:
        Store(f"postgresql+psycopg://me:secret@/x?host={tmp_path}")
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "postgresql+psycopg://me:***@" in str(refused.value)
