"""The page's server: one thread beside the monitor's, which never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from importlib.resources import files
from types import TracebackType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect

from biosig.monitoring.log import Action
from biosig.monitoring.orders import Orders
from biosig.monitoring.web.board import Board
from biosig.monitoring.web.door import Door
from biosig.monitoring.web.outbox import Outbox
from biosig.monitoring.web.wire import Acknowledge, Pause, Ping, Show, pack, parse

__all__ = ["Guard", "PageServer", "page_app"]

MOST_PAGES = 64
"""Pages open at a time."""
LONGEST_ASK = 64 * 1024
"""Bytes of a message from a page."""
LONGEST_TOKEN = 1024
_BEAT_S = 0.25
_STOP_S = 5.0

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_PUBLIC = ("door.css", "door.js", "icon.svg")
"""All that a stranger is served, beside the page that asks for the token: nothing of any patient is in it."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer: nothing is fetched from elsewhere, framed by others, or kept on a disk."""

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class Guard:
    """Lets through what asks for this very server, and puts :data:`HEADERS` on every answer."""

    def __init__(self, app: Callable[[_Scope, _Receive, _Send], Awaitable[None]], door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and self._door.is_ours(hosts[0]):
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refusal = Response("This is not the host you asked for.\n", status_code=421, media_type="text/plain")
            await refusal(scope, receive, _with_headers(send))


def _with_headers(send: _Send) -> _Send:
    async def sending(message: _Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *ours]
        await send(message)

    return sending


def page_app(board: Board, orders: Orders, door: Door) -> FastAPI:
    """The application: the door, the page's files, and the WebSocket."""

    @contextlib.asynccontextmanager
    async def alive(_app: FastAPI) -> AsyncIterator[None]:
        beating = asyncio.create_task(_beat(board))
        yield
        beating.cancel()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=alive)

    @app.get("/")
    async def page(request: Request) -> Response:
        if door.knows(request.cookies.get(door.cookie_name)):
            return _file("index.html")
        return _file("door.html", status_code=401)

    @app.post("/enter")
    async def enter(request: Request) -> Response:
        if not door.same_origin(request.headers.get("origin"), request.headers.get("host")):
            return Response(status_code=403)
        if not door.admits(await _token(request)):
            return Response(status_code=403)
        answer = Response(status_code=204)
        secure = request.url.scheme == "https"
        answer.set_cookie(door.cookie_name, door.cookie, httponly=True, samesite="strict", secure=secure)
        return answer

    @app.get("/page/{name}")
    async def asset(request: Request, name: str) -> Response:
        if name not in _PUBLIC and not door.knows(request.cookies.get(door.cookie_name)):
            return Response(status_code=401)
        return _file(name)

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        ours = door.same_origin(socket.headers.get("origin"), socket.headers.get("host"))
        if not ours or not door.knows(socket.cookies.get(door.cookie_name)):
            await socket.close(1008)
        elif board.n_pages >= MOST_PAGES:
            await socket.accept()
            await socket.close(1013, f"{MOST_PAGES} pages are open already")
        else:
            await socket.accept()
            await _serve(socket, board, orders)

    return app


async def _beat(board: Board) -> None:
    while True:
        board.beat()
        await asyncio.sleep(_BEAT_S)


async def _token(request: Request) -> str:
    """The token that a request hands over; empty where there is none, or too much."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_TOKEN:
            return ""
    try:
        given = json.loads(body)
    except ValueError:
        return ""
    token = given.get("token") if isinstance(given, dict) else None
    return token if isinstance(token, str) else ""


def _file(name: str, *, status_code: int = 200) -> Response:
    """A file of the page, by its bare name; 404 where there is none."""
    folder = files("biosig.monitoring.web") / "page"
    there = {entry.name for entry in folder.iterdir()}
    suffix = name.rpartition(".")[2]
    if name not in there or suffix not in _TYPES:
        return Response(status_code=404)
    return Response((folder / name).read_bytes(), status_code=status_code, media_type=_TYPES[suffix])


async def _serve(socket: WebSocket, board: Board, orders: Orders) -> None:
    """One page, until it leaves or must be cut off."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        # the monitor may tell of a last round when the server's loop is closed already
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.set)

    outbox = Outbox(wake)
    board.join(outbox)
    sending = asyncio.create_task(_send(socket, outbox, ready))
    try:
        while True:
            _answer(await socket.receive_text(), socket, outbox, board, orders)
    except (WebSocketDisconnect, KeyError):
        # KeyError: a binary message, which no page of ours sends
        pass
    finally:
        board.leave(outbox)
        sending.cancel()


async def _send(socket: WebSocket, outbox: Outbox, ready: asyncio.Event) -> None:
    """Send what waits as fast as the page takes it."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        # RuntimeError: what starlette says of a socket that is closed already
        while True:
            await ready.wait()
            ready.clear()
            while (message := outbox.take()) is not None:
                await socket.send_bytes(message)
                if outbox.overflowed:
                    await socket.close(1013, "too slow for the alarms; come back for the state as it is")
                    return


def _answer(text: str, socket: WebSocket, outbox: Outbox, board: Board, orders: Orders) -> None:
    """Do what a page asks, or tell it why not."""
    try:
        asked = parse(text)
    except ValueError as error:
        outbox.put_urgent(pack({"kind": "answer", "id": None, "error": str(error)}))
        return
    refused = ""
    if isinstance(asked, Show):
        board.show(outbox, asked.patients, trends=asked.trends)
    elif not isinstance(asked, Ping):
        refused = _order(asked, socket, board, orders)
    outbox.put_urgent(pack({"kind": "answer", "id": asked.id, "error": refused}))


def _order(asked: Acknowledge | Pause, socket: WebSocket, board: Board, orders: Orders) -> str:
    """Hand an order to the monitor; why that cannot be, empty where it can."""
    if not board.knows(asked.patient, asked.alarm):
        return f"no alarm {asked.alarm!r} of a patient {asked.patient!r}"
    place = socket.client.host if socket.client else "?"
    who = " ".join(asked.who.split()) or "unnamed"
    for_s = 0.0 if isinstance(asked, Acknowledge) else asked.for_s
    action = Action(asked.patient, asked.do, asked.alarm, for_s, f"{who} at {place}")
    return "" if orders.ask(action) else "the monitor is not answering; nothing was done"


class PageServer:
    """Serves the page from :meth:`__enter__` to :meth:`__exit__`, in a thread of its own.

    Parameters
    ----------
    board : listener of the monitor.
    orders : of the monitor.
    host : to listen on; anything but loopback opens the ward to the network.
    port : 0 = any that is free.
    token : the secret; default drawn anew.

    Raises
    ------
    ValueError : there is no such port; or (on entering) it cannot be listened on there.
    """

    def __init__(
        self, board: Board, orders: Orders, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None
    ) -> None:
        if not 0 <= port <= 65535:
            raise ValueError(f"port must lie in 0 to 65535, got {port}")
        self._board, self._orders, self._host, self._port, self._token = board, orders, host, port, token

    def __enter__(self) -> PageServer:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            self._socket = socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            raise ValueError(
                f"the page cannot be served on {self._host}:{self._port}: {error.strerror or error}; choose another "
                "--port or --host"
            ) from None
        self.door = Door(self._host, self._socket.getsockname()[1], token=self._token)
        guarded = Guard(page_app(self._board, self._orders, self.door), self.door)
        config = uvicorn.Config(
            guarded, log_config=None, log_level="error", access_log=False, proxy_headers=False, server_header=False,
            lifespan="on", ws="websockets-sansio", ws_max_size=LONGEST_ASK, ws_per_message_deflate=False,
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True, name="biosig-page")
        self._thread.start()
        return self

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._board.end("The monitor has ended." if error is None else "The monitor was ended by an error.")
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._socket.close()
