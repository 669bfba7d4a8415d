"""Trends after a resumption go back as far as those of a page that never stopped, and are the same."""

import numpy as np
import pytest

from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.orders import Orders
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store
from biosig.monitoring.web.board import Board
from biosig.monitoring.web.outbox import Outbox
from biosig.monitoring.web.trends import COLUMNS, recalled
from biosig.monitoring.web.wire import unpack
from biosig.records.recording import Recording


@pytest.fixture(scope="module")
def minutes(flutter):
    """Four minutes: calm, flutter, calm, flutter."""
    return Recording.from_array(np.tile(flutter.data, 4), flutter.layout, name="207")


def trends(page):
    """What a page was told of trends last: all of them, and the newest points with the patient's state."""
    history, news = None, []
    while (message := page.take()) is not None:
        header, samples = unpack(message)
        if header["kind"] == "history":
            assert tuple(header["columns"]) == COLUMNS
            history = samples.reshape(header["shape"])
        news = header.get("trend") or news
    return history, np.array(news, dtype=float).T


def after(many):
    """Says stop after so many rounds."""
    done = []
    return lambda: done.append(0) or len(done) > many


@pytest.fixture
def watched(bundle, minutes, tmp_path):
    """Watch until so many rounds have passed, then so many more, and so on; the trends that a page of the last run is
    told, one that asks for all of them at the end."""
    stores = []

    def run(*rounds):
        store = Store.in_file(tmp_path / f"{rounds}.sqlite")
        stores.append(store)
        for number, many in enumerate(rounds):
            session = store.resume({}) if number else store.begin({})
            board, page = Board(Orders(), clock=lambda: 0.0), Outbox(lambda: None)
            board.join(page)
            monitor = Monitor({"ecg": bundle}, ledger=Ledger(session), listeners=[board])
            monitor.run([Replay({"207": minutes})], stop=after(many))
        board.show(page, ["207"], trends=True)
        board.end("")
        return trends(page)

    yield run
    for store in stores:
        store.close()


def test_after_resumptions_trends_are_those_of_an_unbroken_run(watched):
    unbroken, _ = watched(1000)
    assert unbroken[0].tolist() == [10.0 * n for n in range(1, 25)]
    assert np.isfinite(unbroken[1]).sum() > 8
    assert np.isfinite(unbroken[2]).sum() > 8
    for rounds in ((95, 33, 1000), (235, 1000)):
        history, news = watched(*rounds)
        np.testing.assert_array_equal(history, unbroken)
        np.testing.assert_allclose(news, unbroken[:, -news.shape[1] :], atol=1e-3)
        assert news.shape[1]


def test_who_was_watched_to_the_end_before_has_trends_too(bundle, minutes, tmp_path):
    """Another patient goes on."""
    store = Store.in_file(tmp_path / "events.sqlite")
    sources = {"207": minutes.crop(0, 40), "b": minutes.crop(0, 120)}
    page = Outbox(lambda: None)
    for session, many in ((store.begin({}), 60), (store.resume({}), 1000)):
        board = Board(Orders())
        Monitor({"ecg": bundle}, ledger=Ledger(session), listeners=[board]).run([Replay(sources)], stop=after(many))
    board.join(page)
    board.show(page, ["207"], trends=True)
    board.end("")
    assert trends(page)[0][0].tolist() == [10.0, 20.0, 30.0, 40.0]
    store.close()


def test_points_that_would_need_more_of_the_past_are_left_out(bundle, minutes, tmp_path):
    store = Store.in_file(tmp_path / "events.sqlite")
    session = store.begin({})
    monitor = Monitor({"ecg": bundle}, ledger=Ledger(session))
    monitor.run([Replay({"207": minutes})])
    n = monitor.beds["207"].told
    whole, late = (
        recalled(session, "207", None, fresh_s=7.0, numbers=range(first, n)).table() for first in (0, n // 2)
    )
    assert 2 < late.shape[1] < whole.shape[1] / 2
    np.testing.assert_array_equal(late, whole[:, -late.shape[1] :])
    store.close()
