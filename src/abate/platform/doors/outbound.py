"""The one door to other organisations' servers: a bounded POST, no redirects, no proxy of the environment's choosing.

`post` goes where the operator's configuration says; `post_public` where a party says, so never into a private network.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPMessage
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import IO, cast
from urllib.parse import urlsplit

_NAT64 = ip_network("64:ff9b::/96")
_PART = 16_384


class Unanswered(Exception):
    """Nobody answered, or not in HTTP."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


_opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))


def post(address: str, body: bytes, *, timeout: float, most: int) -> tuple[int, bytes]:
    """(status, at most `most` bytes of the answer). Raises Unanswered."""
    if not address.startswith(("http://", "https://")):
        raise Unanswered(f"{address} is not an http(s) address")
    request = urllib.request.Request(address, body, {"Content-Type": "text/plain; charset=utf-8"})  # noqa: S310
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read(most)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(most)
    except (OSError, ValueError, HTTPException) as fault:
        raise Unanswered(f"{address}: {fault}") from None


def public_addresses(host: str, port: int, *, loopback: bool = False) -> list[str]:
    """The addresses that `host` stands for, all of them public; `loopback` lets this machine in, for tests.

    Raises Unanswered where one is not: whoever answers for the name could choose between them.
    """
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise Unanswered(f"{host} is not known") from None
    for text in found:
        address = ip_address(text.partition("%")[0])
        if not _is_public(address) and not (loopback and address.is_loopback):
            raise Unanswered(f"{host} leads to an address that is not public")
    return sorted(found)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        # Ways to write an IPv4 address inside another one: where they end is another's to say.
        if address.sixtofour is not None or address.teredo is not None or address in _NAT64:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def post_public(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, most: int, loopback: bool = False
) -> tuple[int, bytes]:
    """(status, at most `most` bytes of the answer) of a POST to a server that its owner named and we do not know.

    The name is resolved here, its addresses are looked at, and the connection goes to one of those and nowhere else:
    no second look-up, no redirect, no proxy. All of it within `timeout` seconds. Raises Unanswered.
    """
    parts = urlsplit(url)
    host, end = parts.hostname or "", time.monotonic() + timeout
    secure = parts.scheme == "https"
    if not host or not (secure or (loopback and parts.scheme == "http")):
        raise Unanswered("only https is called")
    port = parts.port or (443 if secure else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fault: Exception | None = None
    for address in public_addresses(host, port, loopback=loopback):
        try:
            with socket.create_connection((address, port), timeout=_left(end)) as plain:
                plain.settimeout(_left(end))
                wrapped = _tls().wrap_socket(plain, server_hostname=host) if secure else plain
                with closing(wrapped):
                    return _exchange(wrapped, parts.netloc, target, body, headers, end, most)
        except (OSError, ValueError, HTTPException) as found:
            fault = found
    raise Unanswered(f"{host}: {type(fault).__name__}: {fault}")


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
