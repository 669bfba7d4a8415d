"""What a page is told of a ward: real rounds of a real monitor, heard through an outbox."""

import pytest

from biosig.monitoring.events import Acknowledge, AlarmEvent, Pause
from biosig.monitoring.intake import Packet
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor, Round
from biosig.monitoring.orders import Orders
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store
from biosig.monitoring.web.board import Board
from biosig.monitoring.web.outbox import Outbox
from biosig.monitoring.web.wire import unpack


class Wall:
    """A clock that passes when it is told to."""

    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def ward(bundle, passage):
    """A board that has heard 20 s of a patient, a page that has joined it, and the wall's clock."""
    wall = Wall()
    orders = Orders(clock=wall)
    board = Board(orders, clock=wall)
    monitor = Monitor({"ecg": bundle}, listeners=[board], orders=orders)
    rounds = []
    monitor.run([Replay({"207": passage})], stop=lambda: rounds.append(0) or len(rounds) > 20)
    page = Outbox(lambda: None)
    board.join(page)
    return board, monitor, page, wall


def heard(page, kind=None):
    found = []
    while (message := page.take()) is not None:
        header, samples = unpack(message)
        if kind in (None, header["kind"]):
            found.append((header, samples))
    return found


def test_a_page_that_joins_is_told_who_is_watched_and_how_they_are(ward):
    told = [header for header, _ in heard(ward[2])]
    assert [header["kind"] for header in told] == ["hello", "status", "ward"]
    assert told[0]["beds"][0]["patient"] == "207"
    assert told[1]["time_s"] == pytest.approx(20.0, abs=1.0)
    assert told[1]["heart_rate"] > 0


def test_of_a_silent_source_no_old_number_is_shown_as_the_present(ward, passage):
    board, monitor, page, wall = ward
    heard(page)
    bed = monitor.beds["207"]
    assert board.knows("207", "source-silent")
    bed.silence(100.0)
    again = Packet(passage.data[:, :10], start_sample=round(bed.time_s * passage.fs), arrived_s=110.0)
    for said in (lambda: bed.silence(102.0), lambda: bed.offer(again)):
        wall.now_s += 1.0
        board(monitor, Round(said(), {}))
        ((status, _),) = heard(page, "status")
        silent = [one for one in status["alarms"] if one["alarm"] == "source-silent"]
        numbers = [status[name] for name in ("heart_rate", "rhythm", "anomaly", "good")]
        if silent:
            assert [(one["technical"], one["acknowledged"]) for one in silent] == [(True, False)]
            assert numbers == [None, "--", None, 0.0]
    assert silent == []
    assert numbers[0] > 0


def test_a_silent_source_is_told_of_as_it_is_acknowledged_and_paused(ward):
    board, monitor, page, wall = ward
    bed = monitor.beds["207"]
    bed.silence(100.0)
    entries = bed.silence(102.0)
    for what, told in (
        (Acknowledge(bed.time_s, "source-silent", "Dr N"), (True, "raised", [])),
        (Pause(bed.time_s, bed.time_s + 60.0, "source-silent"), (True, "paused", [60.0])),
    ):
        wall.now_s += 1.0
        heard(page)
        board(monitor, Round([*entries, *bed.obey(what)], {}))
        entries = []
        ((status, _),) = heard(page, "status")
        (silent,) = [one for one in status["alarms"] if one["alarm"] == "source-silent"]
        left = [until_s - status["time_s"] for name, until_s in status["paused"].items() if name == "source-silent"]
        assert (silent["acknowledged"], silent["shown"], left) == told


def test_a_round_of_nothing_is_a_look_at_who_is_silent(ward):
    """Told with the next beat, however short before that states were told."""
    board, monitor, page, wall = ward
    bed = monitor.beds["207"]
    bed.silence(100.0)
    wall.now_s += 1.0
    board(monitor, Round([*bed.silence(102.0), *bed.obey(Pause(bed.time_s, bed.time_s + 60.0, "source-silent"))], {}))
    heard(page)
    bed.silence(105.0)
    wall.now_s += 0.01
    board(monitor, Round([], {}))
    wall.now_s += 0.25
    board.beat()
    ((status, _),) = heard(page, "status")
    assert status["paused"]["source-silent"] - status["time_s"] == pytest.approx(57.0)


def test_samples_come_only_of_patients_that_a_page_shows_beginning_with_the_last_half_minute(ward, passage):
    board, _, page, _ = ward
    heard(page)
    board.show(page, ["nobody"])
    assert heard(page) == []
    board.show(page, ["207"])
    ((wave, samples),) = heard(page)
    assert wave["reset"]
    assert (samples.reshape(wave["shape"]) == passage.data[:, : wave["shape"][1]].astype("f4")).all()
    board.show(page, ["207"])
    assert heard(page) == []


def test_states_are_told_at_most_five_times_a_second_but_alarms_at_once(ward):
    board, monitor, page, wall = ward
    bed = monitor.beds["207"]
    wall.now_s += 1.0
    board(monitor, Round([], {}))
    heard(page)
    wall.now_s += 0.01
    board(monitor, Round([], {}))
    assert heard(page) == []
    board(monitor, Round([bed.entry(AlarmEvent(bed.time_s, "asystole", "high", "raised", bed.time_s))], {}))
    assert [header["kind"] for header, _ in heard(page)] == ["alarm", "status"]


def test_a_page_that_joins_after_the_end_is_told_so(ward):
    board, _, page, _ = ward
    heard(page)
    board.end("The monitor has ended.")
    late = Outbox(lambda: None)
    board.join(late)
    for one in (page, late):
        ((bye, _),) = heard(one, "bye")
        assert bye["reason"] == "The monitor has ended."


def test_once_a_second_a_page_hears_for_how_long_the_monitor_has_taken_no_orders(ward):
    board, _, page, wall = ward
    board.beat()
    heard(page)
    for _ in range(4):
        wall.now_s += 0.25
        board.beat()
    ((sign, _),) = heard(page, "ward")
    assert sign["idle_s"] == 1.0


@pytest.fixture
def resumed(bundle, passage, watch_seconds, tmp_path):
    """5 s of a patient, then the rest with a board, of which a page has been open since before anybody was admitted.
    The alarms stored of the first part, the board, and the page."""
    store = Store.in_file(tmp_path / "events.sqlite")
    watch_seconds(store.begin({}), 5)
    session, orders = store.resume({}), Orders()
    before = session.frame("alarms")
    board, page = Board(orders), Outbox(lambda: None)
    board.join(page)
    monitor = Monitor({"ecg": bundle}, ledger=Ledger(session), listeners=[board], orders=orders)
    monitor.run([Replay({"207": passage})])
    yield before, board, page
    store.close()


def test_a_resumed_log_goes_on_after_what_was_told_before(resumed):
    before, board, page = resumed
    told = heard(page)
    early, again = (header for header, _ in told if header["kind"] == "hello")
    assert early["log"] == []
    assert [(row["time_s"], row["alarm"], row["event"], row["detail"]) for row in again["log"]] == list(
        before[["time_s", "alarm", "kind", "detail"]].itertuples(index=False, name=None)
    )
    assert "acknowledged" in set(before.kind)
    live = [header for header, _ in told if header["kind"] == "alarm"]
    assert live
    late = Outbox(lambda: None)
    board.join(late)
    ((hello, _),) = heard(late, "hello")
    assert hello["log"] == [*again["log"], *live]
