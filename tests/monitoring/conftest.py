"""A bundle that scores beats, a passage of flutter, and what a monitor makes of it."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import biosig
from biosig.bundle import Bundle
from biosig.datasets.mitbih import SAMPLE
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Session, Store
from biosig.recipe import parse_recipe
from biosig.records.recording import Layout, Recording
from biosig.windows.stream import cut_recording


@pytest.fixture(scope="session")
def bundle_folder(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "ecg"
    bundle.save(folder)
    return folder


def eeg_bundle(name, model, **train):
    """EEG of four channels in sliding windows of 4 s, with drawn weights."""
    table = {
        "name": name,
        "summary": "Rest or arithmetic, untrained.",
        "data": {"dataset": "mitbih", "channels": ["Fp1", "Fp2", "O1", "O2"], "unit": "uV"}
        | {"labels": ["rest", "arithmetic"], "normal": ["rest"]},
        "signal": [{"step": "HoldGaps"}, {"step": "BandPass", "low_hz": 1.0, "high_hz": 40.0}],
        "windows": {"cut": "slide", "options": {"length_s": 4.0, "stride_s": 2.0}},
        "model": model,
        "train": train,
    }
    recipe = parse_recipe(table, where="test")
    shape = InputShape(4, 1000, 0, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(recipe.model.name, recipe.model.options, shape, 2).eval()
    return Bundle(recipe, [network], shape, np.zeros(2))


@pytest.fixture(scope="session")
def slide_bundle():
    return eeg_bundle("eeg", {"name": "recurrent", "options": {"hidden": 8, "context_hidden": 8}})


@pytest.fixture(scope="session")
def eeg_anomaly_bundle(head):
    """Scaled to the first seconds of ``head``; its threshold tells the slow rhythm there from what was before."""
    found = eeg_bundle("eeg-anomaly", {"name": "conv-autoencoder"}, objective="reconstruct")
    windows = cut_recording(head, found.recipe.chain, found.recipe.cutter)
    calm = torch.from_numpy(windows.gather(np.arange(12)))
    with torch.no_grad():
        found.models[0].fit_scale(calm)
        measured = found.models[0].measure(calm, torch.zeros((len(calm), 0)))
        found.models[0].fit_normal(measured[:, None], torch.ones(len(calm), dtype=torch.int64))
    score = found.outputs(windows, device="cpu")[:, 0]
    before, slow = score[:12], score[15:21]
    found.decision = np.array([(before.max() + slow.min()) / 2])
    return found


@pytest.fixture(scope="session")
def head():
    """80 s of rhythms of 10 Hz and noise in uV; from 30 s on a high, slow one; without signal from 46 to 52 s."""
    draw = np.random.default_rng(0)
    time_s = np.arange(0, 80, 1 / 250)
    data = draw.normal(0, 5, (4, time_s.size)) + 20 * np.sin(2 * np.pi * 10 * time_s + np.arange(4)[:, None])
    data += 150 * np.sin(2 * np.pi * 3 * time_s) * ((time_s > 30) & (time_s < 45))
    data[:, (time_s >= 46) & (time_s < 52)] = np.nan
    return Recording.from_array(data, Layout(("Fp1", "Fp2", "O1", "O2"), 250.0, ("uV",) * 4), name="head")


@pytest.fixture(scope="session")
def flutter():
    """60 s of record 207 around the beginning of ventricular flutter."""
    return biosig.read(SAMPLE / "207").crop(200, 260).pick(["MLII"])


@pytest.fixture(scope="module")
def watch(bundle) -> Callable[..., Session]:
    """Watch sources into the last session of a store (a new one where there is none), and return it."""
    stores: list[Store] = []

    def run(path, *sources, every_s=0.2, hold_s=0.0, run=None, bundles=None, **options) -> Session:
        store = Store.in_file(path)
        stores.append(store)
        session = store.resume({}) if store.n_sessions else store.begin({})
        ledger = Ledger(session, every_s=every_s, hold_s=hold_s)
        monitor = Monitor(bundles or {"ecg": bundle}, ledger=ledger, **options)
        monitor.run(sources, **(run or {}))
        return session

    yield run
    for store in stores:
        store.close()


@pytest.fixture(scope="session")
def unbroken(bundle, flutter, tmp_path_factory):
    """The log of the passage, watched in one go."""
    store = Store.in_file(tmp_path_factory.mktemp("unbroken") / "events.sqlite")
    session = store.begin({})
    Monitor({"ecg": bundle}, ledger=Ledger(session)).run([Replay({"207": flutter})])
    yield log(session)
    store.close()


def log(session: Session, patient: str = "207") -> list[dict]:
    """Everything that was noted of a patient, in order."""
    rows = []
    for name in ("scores", "states", "alarms", "notices"):
        frame = session.frame(name, patient).drop(columns="patient")
        rows += [{"event": name, **row} for row in frame.to_dict("records")]
    for row in rows:
        row.update({key: "none" for key, value in row.items() if isinstance(value, float) and math.isnan(value)})
    return sorted(rows, key=lambda row: row["number"])


@pytest.fixture(scope="session", name="log")
def log_fixture():
    return log


@pytest.fixture
def watch_killed():
    """Watch a record in a new session, killed so often; the store, the session, and how many kills came in time."""

    def run(bundle, record, start, stop, url, moments, seed):
        store = Store(url)
        session = store.begin({})
        script = Path(__file__).with_name("killing.py")
        arguments = [str(one) for one in (bundle, record, start, stop, url, moments, seed)]
        ended = subprocess.run(
            [sys.executable, str(script), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert ended.returncode == 0, ended.stderr
        return store, session, int(ended.stdout.split()[-1])

    return run
