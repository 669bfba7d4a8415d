"""The same log in PostgreSQL: the server of BIOSIG_POSTGRES (an SQLAlchemy URL), else one started here where it can be.

A server started here listens on a socket in a folder of its own, not on the network.
"""

import os
import shutil
import subprocess
import tempfile

import pytest

from biosig.errors import StoreError
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store


@pytest.fixture(scope="module")
def url():
    pytest.importorskip("psycopg", reason="needs psycopg (extra postgres)")
    given = os.environ.get("BIOSIG_POSTGRES")
    if given:
        yield given
        return
    initdb, control = shutil.which("initdb"), shutil.which("pg_ctl")
    if not (initdb and control):
        pytest.skip("needs a PostgreSQL server: BIOSIG_POSTGRES, or initdb and pg_ctl")
    # PostgreSQL refuses to be run by root, and a socket's path holds 107 bytes at most
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="biosig-pg-") as folder:
        if user:
            shutil.chown(folder, "postgres")
        run = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
        subprocess.run([initdb, "-D", f"{folder}/data", "-A", "trust", "-U", "biosig"], check=True, **run)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        subprocess.run(
            [control, "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options, "start"], check=True, **run
        )
        try:
            yield f"postgresql+psycopg://biosig@/postgres?host={folder}"
        finally:
            subprocess.run([control, "-D", f"{folder}/data", "-m", "immediate", "stop"], check=True, **run)


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


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path):
    pytest.importorskip("psycopg", reason="needs psycopg (extra postgres)")
    with pytest.raises(StoreError) as refused:
        Store(f"postgresql+psycopg://me:secret@/x?host={tmp_path}")
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "postgresql+psycopg://me:***@" in str(refused.value)
