"""Watches a record onto a small file system until it is full, makes room, and goes on.

Arguments: bundle, record, first and last second, folder to mount on, folder for what is found, sizes in KiB. Needs a
mount namespace of its own. Of each size: what was said, the store as it was then, and the store at the end.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import torch

import biosig
from biosig.bundle import load
from biosig.errors import StoreError
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store


def watch(bundle, recording, path):
    """Commit after every second; what went wrong, empty where nothing did."""
    store = Store.in_file(path)
    try:
        session = store.resume({}) if store.n_sessions else store.begin({})
        Monitor({"ecg": bundle}, ledger=Ledger(session, every_s=0.0)).run([Replay({recording.name: recording})])
    except StoreError as error:
        return str(error)
    finally:
        store.close()
    return ""


def main(bundle, record, start, stop, mounted, found, *sizes):
    torch.set_num_threads(1)
    recording = biosig.read(record).crop(float(start), float(stop)).pick(["MLII"])
    trained = load(bundle)
    path = Path(mounted) / "events.sqlite"
    for size in sizes:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", mounted], check=True)
        kept = Path(found) / size
        kept.mkdir()
        (kept / "said").write_text(watch(trained, recording, path))
        shutil.copytree(mounted, kept / "full")
        subprocess.run(["mount", "-o", "remount,size=64m", mounted], check=True)
        (kept / "said after").write_text(watch(trained, recording, path))
        shutil.copytree(mounted, kept / "end")
        subprocess.run(["umount", mounted], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
