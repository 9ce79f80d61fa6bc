"""The public face of the log: checkpoint, tiles and key, as C2SP tlog-tiles lays them out. No bundle of
leaves.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from abate.bookkeeping import merkle
from abate.platform.log import queries

FOR_EVER = "public, max-age=31536000, immutable"
A_MOMENT = "public, max-age=2"


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    note = queries.checkpoint()
    if note is None:
        raise Http404
    return _answer(note.encode(), "text/plain; charset=utf-8", A_MOMENT)


@require_safe
def tile(request: HttpRequest, address: str) -> HttpResponse:
    """A tile by its address `<L>/<N>[.p/<W>]`; 404 for every other spelling and for what the tree does not
    have.
    """
    place = merkle.read_tile_path(address)
    hashes = queries.tile(*place) if place else None
    if hashes is None:
        raise Http404
    return _answer(hashes, "application/octet-stream", FOR_EVER)


@require_safe
def key(request: HttpRequest) -> HttpResponse:
    """The verifier key. Who trusts the log takes it from elsewhere too: a log cannot vouch for itself."""
    return _answer(f"{queries.public_key()}\n".encode(), "text/plain; charset=utf-8", A_MOMENT)


def _answer(body: bytes, kind: str, caching: str) -> HttpResponse:
    return HttpResponse(body, content_type=kind, headers={"Cache-Control": caching})


urlpatterns = [
    path("log/checkpoint", checkpoint, name="log-checkpoint"),
    path("log/tile/<path:address>", tile, name="log-tile"),
    path("log/key", key, name="log-key"),
]
