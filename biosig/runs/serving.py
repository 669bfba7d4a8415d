"""Serve the page of a monitor that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from biosig.monitoring.monitor import Listener
from biosig.monitoring.orders import Orders

__all__ = ["served"]


@contextmanager
def served(host: str, port: int, *, say: Callable[[str], None]) -> Iterator[tuple[Listener, Orders]]:
    """A page served while the context lasts: the listener to give a monitor, and the orders that come from the page.

    Parameters
    ----------
    host, port : to listen on; port 0 = any that is free.
    say : is told the URL, once; it holds the token, so it belongs on a screen and in no log.

    Raises
    ------
    ValueError : FastAPI is not installed, or the host or port cannot be listened on.
    """
    try:
        from biosig.monitoring.web.board import Board
        from biosig.monitoring.web.server import PageServer
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn"):
            raise
        raise ValueError(f"the page needs {error.name}; install it with: pip install 'biosig-ml[web]'") from None
    orders = Orders()
    board = Board(orders)
    with PageServer(board, orders, host=host, port=port) as server:
        if not server.door.loopback:
            say(
                f"warning: the page is open to the network on {host}, unencrypted: whoever has the URL, or listens on "
                "the line, sees the patients and can silence alarms; put a TLS proxy in front"
            )
        say(f"page: {server.door.url}")
        yield board, orders
