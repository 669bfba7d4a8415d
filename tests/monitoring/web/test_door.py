"""Who may come in."""

import socket

import pytest

from biosig.monitoring.web.door import Door


def test_only_the_token_and_only_its_cookie_are_known():
    door = Door("127.0.0.1", 8765, token="secret")
    assert door.admits("secret")
    assert not any(door.admits(token) for token in ("", "Secret", "secret ", "geheim\udcff", "☃"))
    assert door.knows(door.cookie)
    assert not any(door.knows(cookie) for cookie in (None, "", "secret", door.cookie[:-1], "☃"))
    assert "secret" not in door.cookie


def test_every_run_has_a_token_of_its_own_behind_the_fragment():
    first, second = Door("127.0.0.1", 1), Door("127.0.0.1", 1)
    assert first.url != second.url
    address, token = first.url.split("/#")
    assert address == "http://127.0.0.1:1"
    assert len(token) >= 43  # 256 bits in base64
    assert first.admits(token)
    assert not second.admits(token)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8765", "localhost:8765", "LOCALHOST", "localhost.", "[::1]:8765"]
)
def test_hosts_of_this_machine_are_ours(host):
    assert Door("127.0.0.1", 8765).is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "localhost.evil.example:8765",
        "192.168.1.9",
        "127.0.0.1.evil.example",
        "[::1",
        "[",
        "@",
    ],
)
def test_a_name_pointed_at_this_machine_by_others_is_not_ours(host):
    assert not Door("127.0.0.1", 8765).is_ours(host)


def test_on_a_network_addresses_and_own_names_are_ours_and_others_are_not():
    """An address cannot be rebound to another machine; a name can."""
    door = Door("0.0.0.0", 8765)
    assert not door.loopback
    assert all(door.is_ours(host) for host in ("192.168.1.9:8765", "localhost", f"{socket.gethostname()}:8765"))
    assert not door.is_ours("evil.example")
    assert Door("ward.example", 8765).is_ours("ward.example:8765")


def test_a_request_comes_from_our_page_where_origin_and_host_agree():
    door = Door("127.0.0.1", 8765)
    assert door.same_origin("http://127.0.0.1:8765", "127.0.0.1:8765")
    assert door.same_origin("https://ward.example", "ward.example")
    for origin in (
        None,
        "",
        "null",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "file://127.0.0.1:8765",
        "http://[",
    ):
        assert not door.same_origin(origin, "127.0.0.1:8765")
    assert not door.same_origin("http://127.0.0.1:8765", None)
