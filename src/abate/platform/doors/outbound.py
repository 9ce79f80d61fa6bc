"""The one door to other organisations' servers: a POST with one deadline, no redirects, no proxy of the environment's choosing.

`post` goes where the operator's configuration says; `post_public` where a party says, so never into a private network.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from functools import lru_cache, partial
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from queue import Empty, SimpleQueue
from typing import Protocol, cast
from urllib.parse import urlsplit

_NAT64 = ip_network("64:ff9b::/96")
# Where they end is decided in the network they are sent from: a NAT64's own, the relays of 6to4, what IETF protocols use.
_NEAR = tuple(map(ip_network, ("64:ff9b:1::/48", "192.88.99.0/24", "192.0.0.0/24")))
# Nobody's (RFC 9637, documentation), and a cloud's own server of its machines, which answers each of them alone.
_NOBODYS = tuple(map(ip_network, ("3fff::/20", "168.63.129.16/32")))
_PART = 16_384
_LOOKUPS = threading.BoundedSemaphore(64)
"""Names that are being looked up at a time: the system's resolver cannot be told to stop, only left behind."""


class Unanswered(Exception):
    """Nobody answered, or not in HTTP."""


def post(address: str, body: bytes, *, timeout: float, most: int) -> tuple[int, bytes]:
    """(status, at most `most` bytes of the answer), all of it within `timeout` seconds. Raises Unanswered."""
    if not address.startswith(("http://", "https://")):
        raise Unanswered(f"{address} is not an http(s) address")
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return _call(address, body, headers, _addresses, timeout, most, ("http", "https"))


def post_public(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, most: int, loopback: bool = False
) -> tuple[int, bytes]:
    """(status, at most `most` bytes of the answer) of a POST to a server that its owner named and we do not know.

    The name is resolved here, its addresses are looked at, and the connection goes to one of those and nowhere else:
    no second look-up, no redirect, no proxy. All of it within `timeout` seconds. Raises Unanswered.
    """
    lookup = partial(public_addresses, loopback=loopback)
    return _call(url, body, headers, lookup, timeout, most, ("http", "https") if loopback else ("https",))


class Lookup(Protocol):
    def __call__(self, host: str, port: int, *, end: float | None = None) -> list[str]: ...


def _call(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    lookup: Lookup,
    timeout: float,
    most: int,
    schemes: Collection[str],
) -> tuple[int, bytes]:
    """The one way out: look-up, connection, handshake, request and answer share one deadline."""
    end = time.monotonic() + timeout
    try:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
    except ValueError as fault:
        raise Unanswered(f"{url[:200]}: {fault}") from None
    if not host or parts.scheme not in schemes:
        raise Unanswered(f"only {' and '.join(schemes)} is called")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fault: Exception | None = None
    addresses = lookup(host, port, end=end)
    for number, address in enumerate(addresses):
        try:
            # One that swallows what is sent to it leaves time for those after it.
            share = _left(end) / (len(addresses) - number)
            with socket.create_connection((address, port), timeout=share) as plain:
                plain.settimeout(_left(end))
                wrapped = _tls().wrap_socket(plain, server_hostname=host) if secure else plain
                with closing(wrapped):
                    return _exchange(wrapped, parts.netloc, target, body, headers, end, most)
        except (OSError, ValueError, HTTPException) as found:
            fault = found
    raise Unanswered(f"{host}: {type(fault).__name__}: {fault}")


def _addresses(host: str, port: int, *, end: float | None = None) -> list[str]:
    """What `host` stands for, in the resolver's order, each once; looked up no longer than until `end` (monotonic).

    Raises Unanswered.
    """
    told: SimpleQueue[list[str] | Exception] = SimpleQueue()

    # One look-up gives its place back where it took it, however late it ends.
    place = _LOOKUPS

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            told.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except Exception as fault:  # noqa: BLE001 (told to whoever waits, in a thread of its own)
            told.put(fault)
        finally:
            place.release()

    if not place.acquire(blocking=False):
        raise Unanswered(f"{host} is not looked up: too many names are waited for")
    try:
        threading.Thread(target=ask, name="lookup", daemon=True).start()
    except RuntimeError:
        place.release()
        raise Unanswered(f"{host} is not looked up: no thread to be had") from None
    try:
        found = told.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
    except Empty:
        raise Unanswered(f"{host} was not looked up in time") from None
    if isinstance(found, Exception):
        raise Unanswered(f"{host} is not known") from None
    return found


def public_addresses(host: str, port: int, *, loopback: bool = False, end: float | None = None) -> list[str]:
    """The addresses that `host` stands for, all of them public; `loopback` lets this machine in, for tests.

    Raises Unanswered where one is not: whoever answers for the name could choose between them.
    """
    found = _addresses(host, port, end=end)
    for text in found:
        address = ip_address(text.partition("%")[0])
        if not _is_public(address) and not (loopback and address.is_loopback):
            raise Unanswered(f"{host} leads to an address that is not public")
    return sorted(found)


def is_private(host: str, *, loopback: bool = False) -> bool:
    """Whether `host` is, in any way of writing it, an address that is not public, or this machine's name: what is known of it
    before it is called. Any other name is looked up each time."""
    name = host.lower().rstrip(".").partition("%")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return not loopback
    try:
        address = ip_address(name)
    except ValueError:
        try:
            # As the system's resolver reads it: 127.1, 2130706433 and 0x7f000001 are this machine.
            address = IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return False
    return not _is_public(address) and not (loopback and address.is_loopback)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        # Ways to write an IPv4 address inside another one: where they end is another's to say.
        if address.sixtofour is not None or address.teredo is not None or address in _NAT64:
            return False
        # Private before fc00::/7 was (RFC 3879), and routed within networks that kept it; `is_global` knows nothing of it.
        if address.is_site_local:
            return False
    if any(address in one for one in (*_NEAR, *_NOBODYS)):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(end: float) -> float:
    """Seconds until `end`. Raises TimeoutError where there are none."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("no whole answer in time")
    return left


class _Until(io.RawIOBase):
    """What a socket receives, each part within what is left until `end`.

    A socket's own timeout begins anew with every byte: a server that sends one now and then would hold us as long as it
    likes, in its status line, its headers or any number of `100 Continue`.
    """

    def __init__(self, line: socket.socket, end: float) -> None:
        self._line, self._end = line, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        self._line.settimeout(_left(self._end))
        return self._line.recv_into(cast(bytearray, buffer))


class _Line:
    """The part of a socket that `http.client` uses, with one deadline for all of an exchange."""

    def __init__(self, line: socket.socket, end: float) -> None:
        self._line, self._end = line, end

    def sendall(self, data: bytes) -> None:
        # In parts: over TLS each is given the socket's timeout anew.
        for at in range(0, len(data), _PART):
            self._line.settimeout(_left(self._end))
            self._line.sendall(data[at : at + _PART])

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Until(self._line, self._end))

    def close(self) -> None:
        """Whoever opened the socket closes it: an answer may still be read from it."""


def _exchange(
    line: socket.socket,
    host: str,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    end: float,
    most: int,
) -> tuple[int, bytes]:
    connection = HTTPConnection(host)
    connection.sock = cast(socket.socket, _Line(line, end))
    connection.request("POST", target, body, {"Host": host, "User-Agent": "abate", **headers})
    answer = connection.getresponse()
    parts, size = [], 0
    # Past its time what it answered is known; the rest of its text is not worth more.
    with suppress(TimeoutError):
        while size < most and (part := answer.read1(most - size)):
            parts.append(part)
            size += len(part)
    return answer.status, b"".join(parts)
