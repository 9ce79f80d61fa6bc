"""The one door to other organisations' servers: a bounded POST, no redirects, no proxy of the environment's choosing."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO


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
