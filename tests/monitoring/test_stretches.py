"""Scored by the minute or by the second: one log, and one state to go on from."""

import threading
from itertools import pairwise

import numpy as np
import pytest
import torch

import biosig
from biosig.bundle import Bundle
from biosig.datasets.mitbih import SAMPLE
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.monitoring.intake import Packet
from biosig.monitoring.sources import Delivery, Replay, Source
from biosig.monitoring.stretches import AT_ONCE
from biosig.recipe import ModelPart, TrainPart, WindowsPart, load_recipe
from biosig.windows.stream import cut_recording

FS = 360


@pytest.fixture(scope="module")
def record():
    """Two minutes of record 207 with ventricular flutter; of these, 6 s are NaN, 2 s a still line."""
    recording = biosig.read(SAMPLE / "207").crop(190, 310).pick(["MLII"])
    recording.data[:, 20 * FS + 7 : 26 * FS + 100] = np.nan
    recording.data[:, 70 * FS : 72 * FS] = recording.data[:, 70 * FS, None]
    return recording


@pytest.fixture(scope="module")
def odd_windows(record):
    """Anomalies of windows of 2.1 s at half the sampling rate, about every third of them alarming."""
    plain = load_recipe("ecg")
    parts = {
        "name": "odd-windows",
        "data": plain.data.model_copy(update={"normal": ("N",)}),
        "windows": WindowsPart(cut="slide", context=2, options={"length_s": 2.1, "stride_s": 0.7}),
        "model": ModelPart(name="conv-autoencoder", options={"widths": [4, 8], "latent": 4, "scale": "window"}),
        "train": TrainPart(objective="reconstruct"),
    }
    recipe = plain.model_copy(update=parts)
    windows = cut_recording(record.crop(0, 20), recipe.chain, recipe.cutter)
    shape = InputShape(windows.n_channels, windows.length, 0, 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(recipe.model.name, recipe.model.options, shape, 4).eval()
    samples = torch.from_numpy(windows.gather(np.arange(len(windows))))
    with torch.no_grad():
        model.fit_scale(samples)
        measured = model.measure(samples, torch.zeros((len(samples), 0)))
        model.fit_normal(measured[:, None], torch.ones(len(samples), dtype=torch.int64))
    return Bundle(recipe, [model], shape, np.array([1.0]))


class Cut(Source):
    """A record with holes of 3 s and 50 s whose source counts anew at the end, in packets that end at these samples."""

    def __init__(self, recording, cuts):
        self._layout = recording.layout
        edges = sorted({0, *cuts, 35 * FS, 55 * FS, 100 * FS, recording.n_times})
        self._packets = [
            Packet(recording.data[:, first:stop], start_sample=first + self._missing(first))
            for first, stop in pairwise(edges)
        ]

    @staticmethod
    def _missing(sample):
        """By how much the source's count differs from the record's."""
        seconds = -90 if sample >= 100 * FS else 53 if sample >= 55 * FS else 3 if sample >= 35 * FS else 0
        return seconds * FS

    @property
    def layouts(self):
        return {"bed": self._layout}

    def poll(self):
        packet = self._packets.pop(0) if self._packets else None
        self.ended = packet is None
        return [Delivery("bed", self._layout, packet)]


@pytest.fixture(scope="module")
def by_seconds(bundle, odd_windows, record, watch, log, tmp_path_factory):
    """The log of the record, a second at a time."""
    path = tmp_path_factory.mktemp("seconds") / "events.sqlite"
    bundles = {"ecg": bundle, "odd-windows": odd_windows}
    return log(watch(path, Cut(record, range(0, record.n_times, FS)), bundles=bundles), "bed")


def test_the_record_has_everything_in_which_stretches_could_differ(by_seconds):
    notices = [row["kind"] for row in by_seconds if row["event"] == "notices"]
    assert notices == ["gap", "reset", "restart"]
    alarms = {row["alarm"] for row in by_seconds if row["event"] == "alarms"}
    assert {"ventricular-fibrillation", "lead-off", "anomaly"} <= alarms
    assert {row["bundle"] for row in by_seconds if row["event"] == "scores"} == {"ecg", "odd-windows"}
    assert by_seconds[-1]["event"] == "scores" or by_seconds[-1]["event"] == "alarms"


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_record_has_the_same_log_in_stretches_of_any_length(
    tmp_path, bundle, odd_windows, record, watch, log, by_seconds, seed
):
    draw = np.random.default_rng(seed)
    cuts = [] if seed is None else np.cumsum(draw.integers(1, 40 * FS, 12)).tolist()
    source = Cut(record, [cut for cut in cuts if cut < record.n_times])
    found = log(watch(tmp_path / "events.sqlite", source, bundles={"ecg": bundle, "odd-windows": odd_windows}), "bed")
    assert found == by_seconds


@pytest.mark.parametrize("stops", [(1,), (2, 1)])
def test_a_run_in_long_stretches_goes_on_where_it_stopped(tmp_path, watch, log, flutter, unbroken, stops):
    path = tmp_path / "events.sqlite"
    for number in stops:
        steps = iter(range(10**6))
        session = watch(
            path, Replay({"207": flutter}, tick_s=17.0), run={"stop": lambda n=number, s=steps: next(s) >= n}
        )
        assert not session.ended
    assert log(watch(path, Replay({"207": flutter}, tick_s=25.0))) == unbroken


@pytest.mark.parametrize("stops", [(2,), (3,), (2, 2)])
def test_a_run_stopped_in_the_middle_of_what_waits_goes_on_there(tmp_path, watch, log, flutter, stops):
    """60 s come at once and are watched 24 s at a time: the second question whether to stop falls between these."""
    ticks = {"tick_s": 0.1}
    whole = log(watch(tmp_path / "whole.sqlite", Replay({"207": flutter}, tick_s=60.0), **ticks))
    path = tmp_path / "events.sqlite"
    for number in stops:
        asked = iter(range(1, 10**6))
        stop = {"stop": lambda n=number, a=asked: next(a) >= n}
        session = watch(path, Replay({"207": flutter}, tick_s=60.0), run=stop, **ticks)
        assert not session.ended
        assert 0 < len(log(session)) < len(whole)
    session = watch(path, Replay({"207": flutter}, tick_s=60.0), **ticks)
    assert session.ended
    assert log(session) == whole


def test_a_file_read_at_full_speed_comes_in_growing_stretches_so_that_first_figures_come_soon(
    tmp_path, watch, log, flutter, unbroken
):
    source = Replay({"207": flutter}, at_once=8)
    lengths_s = []
    while not source.ended:
        lengths_s += [given.packet.data.shape[1] / FS for given in source.poll() if given.packet is not None]
    assert lengths_s == [1, 2, 4, 8, 8, 8, 8, 8, 8, 5]
    assert log(watch(tmp_path / "events.sqlite", Replay({"207": flutter}, at_once=8))) == unbroken
    with pytest.raises(ValueError, match="infinite speed, got 8 at 10"):
        Replay({"207": flutter}, speed=10, at_once=8)


SHORT_S = 0.1
"""Seconds in a tick of which the record has several parts."""


@pytest.fixture(scope="module")
def watch_short(bundle, odd_windows, watch):
    """Watch in short ticks, and commit whenever that can be."""

    def run(path, source, odd=odd_windows, **options):
        bundles = {"ecg": bundle, "odd-windows": odd}
        return watch(path, source, bundles=bundles, tick_s=SHORT_S, every_s=0.0, **options)

    return run


@pytest.fixture(scope="module")
def replayed(record, watch_short, log, tmp_path_factory):
    """The log of the record in short ticks, as a file that hands over one part at a time."""
    path = tmp_path_factory.mktemp("parts") / "events.sqlite"
    return log(watch_short(path, Replay({"bed": record}, tick_s=SHORT_S * AT_ONCE)), "bed")


def test_a_record_has_the_same_log_in_several_parts_at_a_time(tmp_path, record, watch_short, log):
    assert record.duration_s / SHORT_S > 4 * AT_ONCE
    whole = watch_short(tmp_path / "whole.sqlite", Cut(record, []))
    alone = watch_short(tmp_path / "alone.sqlite", Cut(record, range(0, record.n_times, round(SHORT_S * AT_ONCE * FS))))
    assert log(whole, "bed") == log(alone, "bed")


class Wrong(torch.nn.Module):
    """A network that fails when it has measured so many batches."""

    def __init__(self, network, batches):
        super().__init__()
        self.network, self.batches = network, batches

    def measure(self, samples, features):
        self.batches -= 1
        if self.batches < 0:
            raise RuntimeError("no more batches")
        return self.network.measure(samples, features)

    def judge(self, sequences, count):
        return self.network.judge(sequences, count)


@pytest.mark.parametrize("batches", [0, 2, 3])
def test_what_goes_wrong_while_judging_is_told_and_what_was_committed_goes_on(
    tmp_path, odd_windows, record, watch_short, log, replayed, batches
):
    wrong = Bundle(odd_windows.recipe, [Wrong(odd_windows.models[0], batches)], odd_windows.shape, odd_windows.decision)
    path = tmp_path / "events.sqlite"
    with pytest.raises(RuntimeError, match="no more batches"):
        watch_short(path, Replay({"bed": record}, tick_s=2 * SHORT_S * AT_ONCE), wrong)
    assert log(watch_short(path, Replay({"bed": record}, tick_s=60.0)), "bed") == replayed


def test_an_interruption_while_a_part_is_judged_leaves_no_thread_behind(tmp_path, record, watch_short, log, replayed):
    def interrupt(monitor, _step):
        if monitor.beds["bed"].time_s > 60:
            raise KeyboardInterrupt

    path = tmp_path / "events.sqlite"
    with pytest.raises(KeyboardInterrupt):
        watch_short(path, Replay({"bed": record}, tick_s=50.0), listeners=[interrupt])
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("biosig-worker")]
    assert log(watch_short(path, Replay({"bed": record}, tick_s=50.0)), "bed") == replayed
