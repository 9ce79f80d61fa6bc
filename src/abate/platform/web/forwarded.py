"""Whose address a request has: its sender's, or what a trusted proxy says of it. Everybody else's word is passed over.

Lists of a key's addresses and the limits on signing in count by it: were a proxy taken for the sender, thirty wrong passwords
from anywhere would shut everybody out; were anybody believed, none would be shut out.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from django.conf import settings
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError

App = Callable[[Any, Any, Any], Awaitable[None]]
LOOPBACK = ("127.0.0.0/8", "::1")
NAME = "forwarded-by"
PROTOCOL = b"x-forwarded-proto"
_EVERY = timedelta(minutes=1)


def networks(named: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The proxies whose word counts, this machine's always among them. Raises SetupError."""
    found = []
    for text in (*LOOPBACK, *named):
        try:
            found.append(ip_network(text))
        except ValueError:
            raise SetupError("proxies-malformed", text=repr(text[:60])) from None
    return tuple(found)


def plain(host: str) -> str:
    """An address as it is written in lists: an IPv4 one also where it came over an IPv6 socket."""
    try:
        found = ip_address(host)
    except ValueError:
        return host
    return str(getattr(found, "ipv4_mapped", None) or found)


def _normal(app: App) -> App:
    async def called(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope.get("client"):
            scope = {**scope, "client": (plain(scope["client"][0]), scope["client"][1])}
        await app(scope, receive, send)

    return called


def _one_protocol(scope: Any) -> Any:
    """The scope without `X-Forwarded-Proto` where that says more than one thing: by the first or by the last of them a sender's
    own `https` would pass for the proxy's, so it is plain HTTP.
    """
    said = [value for name, value in scope["headers"] if name == PROTOCOL]
    if len(said) + sum(value.count(b",") for value in said) <= 1:
        return scope
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != PROTOCOL]}


class Forwarded:
    """The application behind its proxies; `behind`: whether there are any."""

    def __init__(self, app: App, *, behind: bool, named: Iterable[str]) -> None:
        self._trusted = networks(named) if behind else ()
        # What a proxy says of an address is written as anybody's is, before limits and lists compare it.
        trusted = [str(one) for one in self._trusted]
        self._app: Any = ProxyHeadersMiddleware(_normal(app), trusted) if behind else app
        self._noted: datetime | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = _one_protocol(scope)
        if scope["type"] == "http" and scope.get("client"):
            host = plain(scope["client"][0])
            scope = {**scope, "client": (host, scope["client"][1])}
            if any(name == b"x-forwarded-for" for name, _ in scope["headers"]) and not self._trusts(host):
                self._note(host)
        await self._app(scope, receive, send)

    def _trusts(self, host: str) -> bool:
        try:
            return any(ip_address(host) in one for one in self._trusted)
        except ValueError:
            return False

    def _note(self, host: str) -> None:
        """Leave a word for `abate doctor`: the address where it is a private one, which no person has."""
        now = clock.now()
        if self._noted is None or now >= self._noted + _EVERY:
            self._noted = now
            private = _is_private(host)
            _place().write_text(f"{now.isoformat()} {host if private else ''}\n", encoding="ascii")


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def _place() -> Path:
    return Path(settings.ABATE_DATA_DIR) / NAME


def noted() -> tuple[datetime, str] | None:
    """When `X-Forwarded-For` last came from an address that is not trusted, and from which, where it was a private one."""
    try:
        at, _, host = os.fsdecode(_place().read_bytes()).strip().partition(" ")
        return datetime.fromisoformat(at).astimezone(UTC), host
    except (OSError, ValueError):
        return None
