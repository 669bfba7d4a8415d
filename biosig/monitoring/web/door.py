"""Who may come in: the token, the cookie it is exchanged for, and which hosts and origins are ours.

The token stands behind ``#`` in the URL that is printed once. Browsers send no fragment, so no server or proxy writes
it down. The page hands it over in the body of one request and gets a cookie that scripts cannot read.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from urllib.parse import urlsplit

__all__ = ["Door"]


class Door:
    """The guard of one server.

    Parameters
    ----------
    host : that the server listens on; a loopback address lets nobody in who asks for another host.
    port : that it listens on.
    token : the secret; by default 256 bits drawn anew.
    """

    def __init__(self, host: str, port: int, *, token: str | None = None) -> None:
        self.host, self.port = host, port
        self._token = (token or secrets.token_urlsafe(32)).encode()
        self._cookie = hmac.new(self._token, b"biosig page", hashlib.sha256).hexdigest().encode()
        own = {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        self._names = {"localhost"} if self.loopback else {"localhost", *own}

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine can reach the server."""
        address = _address(self.host)
        return self.host == "localhost" if address is None else address.is_loopback

    @property
    def url(self) -> str:
        """The way in, the token included: for the eyes of whoever started the monitor."""
        address = _address(self.host)
        host = self.host
        if address is not None and address.is_unspecified:
            host = socket.gethostname()
        elif address is not None and address.version == 6:
            host = f"[{host}]"
        return f"http://{host}:{self.port}/#{self._token.decode()}"

    @property
    def cookie_name(self) -> str:
        """Of the cookie; browsers do not tell ports apart, so the port is in it."""
        return f"biosig_{self.port}"

    @property
    def cookie(self) -> str:
        """What the token is exchanged for."""
        return self._cookie.decode()

    def admits(self, token: str) -> bool:
        """Whether this is the token; takes as long for every wrong one."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token)

    def knows(self, cookie: str | None) -> bool:
        """Whether this is the cookie; takes as long for every wrong one."""
        return hmac.compare_digest((cookie or "").encode("utf-8", "surrogatepass"), self._cookie)

    def is_ours(self, host: str | None) -> bool:
        """Whether a ``Host`` header names this server.

        Else a name of somebody else's may have been pointed at it (DNS rebinding), and with it the pages of theirs.
        An address cannot be rebound; on loopback it must be a loopback address.
        """
        name = _hostname(f"//{host}") if host else None
        if name is None:
            return False
        address = _address(name)
        if address is None:
            return name.rstrip(".").lower() in self._names
        return address.is_loopback or not self.loopback

    def same_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether a request comes from our own page: its ``Origin`` is there and names the ``Host`` it asks."""
        if not origin or not host:
            return False
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
