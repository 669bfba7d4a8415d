"""Watches a record in children of this process, killing them at drawn moments; the last one may end.

Arguments: bundle, record, first and last second, URL of the event store (its last session is gone on with), number of
moments, seed. A child writes a byte before every statement to its database and after every round of the monitor; after
a drawn number of bytes it gets a SIGKILL.
"""

import os
import signal
import sys

import numpy as np
import sqlalchemy as sa
import torch

import biosig
from biosig.bundle import load
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store


def watch(bundle, recording, url, beat):
    store = Store(url)
    sa.event.listen(store.engine, "before_cursor_execute", lambda *_: beat())
    session = store.resume({})
    ledger = Ledger(session, every_s=0.0)
    source = Replay({recording.name: recording}, tick_s=4.0)
    Monitor({"ecg": bundle}, ledger=ledger, listeners=[lambda *_: beat()]).run([source])
    store.close()


def killed(bundle, recording, url, after):
    """Whether a child was killed after so many bytes; it may end before that."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        watch(bundle, recording, url, lambda: os.write(writer, b"."))
        os._exit(0)
    os.close(writer)
    left = after
    while left > 0 and (heard := os.read(reader, left)):
        left -= len(heard)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reader)
    return os.WIFSIGNALED(status)


def main(bundle, record, start, stop, url, moments, seed):
    torch.set_num_threads(1)
    recording = biosig.read(record).crop(float(start), float(stop)).pick(["MLII"])
    trained = load(bundle)
    draw = np.random.default_rng(int(seed))
    seconds = float(stop) - float(start)
    most = int(2 * 3 * seconds / max(1, int(moments)))
    kills = sum(killed(trained, recording, url, int(draw.integers(1, most))) for _ in range(int(moments)))
    watch(trained, recording, url, lambda: None)
    sys.stdout.write(f"{kills}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
