"""A page beside a monitor that runs, as the command line opens it."""

import sys

import pytest

from biosig.runs.serving import served


def test_the_url_is_said_once_and_holds_the_token_behind_the_fragment():
    said = []
    with served("127.0.0.1", 0, say=said.append) as (board, orders):
        assert board.n_pages == 0
        assert orders.take() == []
    (line,) = said
    assert line.startswith("page: http://127.0.0.1:")
    assert len(line.split("/#")[1]) >= 43


def test_whoever_opens_the_page_to_the_network_is_warned_first():
    said = []
    with served("0.0.0.0", 0, say=said.append):
        pass
    warning, url = said
    assert warning.startswith("warning: the page is open to the network on 0.0.0.0, unencrypted")
    assert url.startswith("page: http://")
    assert "0.0.0.0" not in url


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("192.0.2.1", 0, r"the page cannot be served on 192\.0\.2\.1:0: .*; choose another --port or --host"),
        ("127.0.0.1", 99999, "port must lie in 0 to 65535, got 99999"),
    ],
)
def test_where_it_cannot_be_served_is_said_in_one_line(host, port, told):
    """192.0.2.1 is nobody's address (RFC 5737)."""
    with pytest.raises(ValueError, match=told) as error, served(host, port, say=print):
        pass
    assert "\n" not in str(error.value)


def test_without_fastapi_what_to_install_is_said(monkeypatch):
    for name in ("biosig.monitoring.web.server", "fastapi"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(ValueError, match=r"pip install 'biosig-ml\[web\]'"), served("127.0.0.1", 0, say=print):
        pass
