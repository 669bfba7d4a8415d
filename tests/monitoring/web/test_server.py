"""The server, asked as a browser would and as an attacker would."""

import http.client
import logging
import socket

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from biosig.monitoring.bed import Tick
from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.log import Action
from biosig.monitoring.monitor import Round
from biosig.monitoring.orders import MOST
from biosig.monitoring.sources import Replay
from biosig.monitoring.tables import ACTIONS
from biosig.monitoring.web.server import HEADERS, PageServer

TOKEN = "a-token-that-must-not-be-seen-anywhere"


def test_a_stranger_gets_the_door_and_nothing_else(fetch):
    status, headers, body = fetch("/")
    assert status == 401
    assert "set-cookie" not in headers
    assert b"207" not in body
    for name in ("index.html", "app.js", "uplot.js", "style.css", "door.html"):
        assert fetch(f"/page/{name}")[::2] == (401, b"")
    for name in ("door.js", "door.css"):
        assert fetch(f"/page/{name}")[0] == 200
    for path in ("/docs", "/openapi.json", "/page/..%2fserver.py", "/page/%2e%2e", "/live"):
        assert fetch(path)[0] in (401, 404)


def test_the_token_is_exchanged_for_a_cookie_that_scripts_cannot_read(enter, fetch):
    status, headers, body = enter()
    assert (status, body) == (204, b"")
    cookie, *flags = headers["set-cookie"].split("; ")
    assert {flag.lower() for flag in flags} >= {"httponly", "samesite=strict", "path=/"}
    assert TOKEN not in headers["set-cookie"]
    assert b"app.js" in fetch("/", headers={"cookie": cookie})[2]
    assert fetch("/page/app.js", headers={"cookie": cookie})[0] == 200
    assert fetch("/page/server.py", headers={"cookie": cookie})[0] == 404


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], None, 7, "x" * 5000])
def test_a_wrong_token_gets_nothing(enter, token):
    status, headers, body = enter(token)
    assert (status, body) == (403, b"")
    assert "set-cookie" not in headers


def test_the_right_token_from_another_origin_gets_nothing(enter):
    assert enter(origin="http://evil.example")[0] == 403


def test_every_answer_has_a_policy_that_fetches_nothing_from_elsewhere(enter, fetch):
    cookie = enter()[1]["set-cookie"].split(";")[0]
    for path in ("/", "/page/app.js", "/nowhere"):
        headers = fetch(path, headers={"cookie": cookie})[1]
        assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in HEADERS["content-security-policy"]


def test_a_name_pointed_at_this_machine_is_refused(served, enter, page):
    cookie = enter()[1]["set-cookie"].split(";")[0]
    connection = http.client.HTTPConnection("127.0.0.1", served.door.port, timeout=60)
    connection.request("GET", "/", headers={"Host": f"evil.example:{served.door.port}", "Cookie": cookie})
    answer = connection.getresponse()
    assert answer.status == 421
    assert b"app.js" not in answer.read()
    connection.close()


def test_a_socket_without_cookie_or_from_another_origin_is_refused(served, page):
    for options in (
        {"cookie": "x=y"},
        {"cookie": f"{served.door.cookie_name}={TOKEN}"},
        {"origin": "http://evil.example"},
    ):
        with pytest.raises(InvalidStatus) as refused, page(**options):
            pass
        assert refused.value.response.status_code == 403


def test_no_token_is_logged(served, enter, page, caplog):
    with caplog.at_level(logging.DEBUG):
        assert enter("wrong")[0] == 403
        with page() as one:
            one.hear("hello")
    assert TOKEN not in caplog.text
    assert served.door.cookie not in "".join(
        r.getMessage() for r in caplog.records if not r.name.startswith("websockets")
    )


def test_a_page_is_told_everything_from_the_first_message_on(served, page, flutter):
    served.watch({"207": flutter}, speed=1e6)
    with page() as one:
        one.hear("status", lambda header: header["ended"])
    with page() as one:
        hello, _ = one.hear("hello")
        assert [(bed["patient"], bed["channels"], bed["units"], bed["fs"]) for bed in hello["beds"]] == [
            ("207", ["MLII"], ["mV"], 360.0)
        ]
        assert {rule["name"]: rule["priority"] for rule in hello["beds"][0]["rules"]}[
            "ventricular-fibrillation"
        ] == "high"
        raised = {row["alarm"] for row in hello["log"] if row["event"] == "raised"}
        assert "ventricular-fibrillation" in raised
        status, _ = one.hear("status")
        assert "ventricular-fibrillation" in {alarm["alarm"] for alarm in status["alarms"]}
        one.ask(do="show", patients=["207", "nobody"], trends=True)
        header, table = one.hear("history")
        assert table.reshape(header["shape"])[0].tolist() == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
        header, samples = one.hear("wave")
        expected = flutter.data[:, round(header["start_s"] * 360) :].astype("f4")
        assert header["shape"] == list(expected.shape)
        assert expected.shape[1] >= 30 * 360
        assert (samples.reshape(header["shape"]) == expected).all()
        assert header["beats"]


def test_orders_are_obeyed_and_the_store_says_by_whom(served, page, passage):
    served.watch({"207": passage}, speed=1e6)
    with page() as one:
        one.hear("alarm", lambda row: (row["alarm"], row["event"]) == ("ventricular-fibrillation", "raised"))
        one.hear("status", lambda header: header["ended"])
        assert one.answer(do="acknowledge", patient="207", alarm="ventricular-fibrillation", who="Dr  N") == ""
        seen, _ = one.hear("alarm", lambda row: row["event"] == "acknowledged")
        assert seen["detail"].endswith("by Dr N at 127.0.0.1")
        one.hear(
            "status", lambda header: all(a["acknowledged"] for a in header["alarms"] if a["alarm"] == seen["alarm"])
        )
        assert one.answer(do="pause", patient="207", for_s=120) == ""
        one.hear("status", lambda header: "" in header["paused"])
        for what in (
            {"patient": "207", "alarm": "no such alarm"},
            {"patient": "nobody"},
        ):
            assert "no alarm" in one.answer(do="acknowledge", **what)
        one.socket.send("nonsense")
        assert one.hear("answer")[0]["error"].startswith("message: Invalid JSON")
    served.end()
    with served.session.store.engine.connect() as connection:
        rows = connection.execute(ACTIONS.select().order_by(ACTIONS.c.action)).all()
    assert [(row.kind, row.alarm, row.for_s, row.who) for row in rows] == [
        ("acknowledge", "ventricular-fibrillation", 0.0, "Dr N at 127.0.0.1"),
        ("pause", "", 120.0, "unnamed at 127.0.0.1"),
    ]


def test_a_monitor_that_does_not_take_orders_is_told_of(served, page, passage):
    served.watch({"207": passage}, speed=1e6)
    with page() as one:
        one.hear("status", lambda header: header["ended"])
        served.end()
        for _ in range(MOST):
            served.orders.ask(Action("207", "acknowledge"))
        assert one.answer(do="acknowledge", patient="207") == "the monitor is not answering; nothing was done"
        assert one.hear("ward", lambda header: header["idle_s"] > 0.5)


def test_a_slow_page_loses_waveform_frames_and_is_told_but_no_alarm(served, page, flutter):
    """It reads nothing while 43 MB of samples are sent to it: more than all buffers on the way hold."""
    frames, seconds = 300, 100
    bed = served.monitor.admit("207", flutter.layout, Replay({"207": flutter}))
    served.board(served.monitor, Round([], {}))
    samples = np.zeros((1, 360 * seconds), dtype=np.float32)
    with page(max_queue=1, compression=None, ping_interval=None) as slow:
        assert slow.answer(do="show", patients=["207"]) == ""
        slow.hear("wave")
        for i in range(frames):
            if i % 100 == 50:
                alarm = AlarmEvent(float(i), "asystole", "high", "raised", float(i))
                served.board(served.monitor, Round([bed.entry(alarm)], {}))
            served.board(served.monitor, Round([], {"207": Tick(float(i * seconds), samples)}))
        got = []
        while len(waves(got)) + lost(got) < frames:
            got.append(slow.next())
    assert [header["time_s"] for header in got if header["kind"] == "alarm"] == [50.0, 150.0, 250.0]
    assert lost(got) > frames / 2
    assert waves(got)[-1] == (frames - 1) * seconds


def waves(headers):
    return [header["start_s"] for header in headers if header["kind"] == "wave" and header["shape"][1]]


def lost(headers):
    return max([header["frames"] for header in headers if header["kind"] == "lost"], default=0)


def test_pages_hear_why_the_monitor_has_ended(served, page, flutter):
    with page() as one:
        one.hear("hello")
        served.server.__exit__(None, None, None)
        assert one.hear("bye")[0]["reason"] == "The monitor has ended."
        with pytest.raises(ConnectionClosed):
            one.hear("nothing more")


def test_a_port_that_is_taken_is_named(served):
    with (
        pytest.raises(ValueError, match=rf"served on 127.0.0.1:{served.door.port}: .*; choose another --port"),
        PageServer(served.board, served.orders, port=served.door.port),
    ):
        pass


def test_the_server_listens_on_loopback_unless_told_otherwise(served):
    assert served.door.loopback
    assert served.server._socket.getsockname()[0] == "127.0.0.1"
    assert served.server._socket.family == socket.AF_INET
