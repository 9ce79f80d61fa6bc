"""The face of the log, as C2SP tlog-tiles lays it out: checkpoint, tiles and key for everybody; bundles of leaves and
openings for a verifier, by token, every reading written down.
"""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from abate.bookkeeping import merkle
from abate.platform.doors.errors import Problem
from abate.platform.events.errors import ScopeMissing, TokenRefused
from abate.platform.log import actions, queries
from abate.platform.log.errors import NothingOpens, NotOpened
from abate.platform.parties.conditions import LOG
from abate.platform.parties.models import Party
from abate.platform.parties.queries import TokenParty
from abate.platform.review import audit
from abate.platform.web import caller, openings

FOR_EVER = "public, max-age=31536000, immutable"
A_MOMENT = "public, max-age=2"


class VerifierTokenNeeded(Problem):
    code = "log-token-needed"
    status = 401
    zh = "叶子与披露项只向核查机构提供,需要有效的访问令牌。"
    en = "Leaves and openings are for verifiers only, with a live access token."
    why_zh = "叶子内容须知道由谁查看。"
    why_en = "It must be known who looks into leaves."
    remedy_zh = "用核查机构的密钥在 /identity/o/api/token 换取令牌;公开的瓦片和检查点不需要令牌。"
    remedy_en = "Get a token at /identity/o/api/token with a verifier's key; tiles and checkpoint need none."


class VerifiersOnly(Problem):
    code = "log-verifiers-only"
    status = 403
    zh = "该密钥不属于核查机构,或没有 log 权限。"
    en = "This key is not a verifier's, or lacks the scope `log`."
    why_zh = "叶子内容只对核查机构开放。"
    why_en = "Leaves are open to verifiers only."
    remedy_zh = "机构以 verifier 类别申请入驻（/join），准入后领取密钥。"
    remedy_en = "An organisation applies as a verifier (/join) and collects its key once it is admitted."


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    note = queries.checkpoint()
    if note is None:
        raise Http404
    return _answer(note.encode(), "text/plain; charset=utf-8", A_MOMENT)


@require_safe
def tile(request: HttpRequest, address: str) -> HttpResponse:
    """A tile by its address `<L>/<N>[.p/<W>]`; 404 for every other spelling and for what the tree does not
    have. `entries/<N>[.p/<W>]` is a bundle of leaves.
    """
    leaves = merkle.read_bundle_path(address)
    if leaves is not None:
        return _bundle(request, *leaves)
    place = merkle.read_tile_path(address)
    hashes = queries.tile(*place) if place else None
    if hashes is None:
        raise Http404
    return _answer(hashes, "application/octet-stream", FOR_EVER)


def _bundle(request: HttpRequest, number: int, width: int) -> HttpResponse:
    try:
        reader = _verifier(request)
    except Problem as problem:
        return caller.refused(problem)
    with transaction.atomic():
        first = number * merkle.WIDTH
        leaves = queries.bundle(number, width) if first + width <= queries.size() else None
        if leaves is None:
            raise Http404
        own = {"party_id": reader.party_id, "client_id": reader.client_id}
        actions.note_reading("leaves", first, first + width - 1, **own)
        audit.read("log.leaves", f"{first}-{first + width - 1}", party=reader.code)
    return _answer(leaves, "application/octet-stream")


@require_safe
def opening(request: HttpRequest, index: int) -> HttpResponse:
    """What opens one entry, to a verifier that was given access to it; 404 where it cannot be opened any more."""
    try:
        reader = _verifier(request)
        if index >= 2**63:
            raise NotOpened
        with transaction.atomic():
            access = queries.access_to(reader.party_id, index)
            if access is None:
                raise NotOpened
            opened = openings.opening(index)
            if opened is None:
                raise NothingOpens
            own = {"party_id": reader.party_id, "client_id": reader.client_id, "access_id": access}
            actions.note_reading("openings", index, index, **own)
            audit.read("log.openings", index, party=reader.code)
    except Problem as problem:
        return caller.refused(problem)
    return _answer(f"{opened.line()}\n".encode(), "application/json")


def _verifier(request: HttpRequest) -> TokenParty:
    """The verifier that asks, by its bearer token. Raises VerifierTokenNeeded, VerifiersOnly."""
    try:
        found, _ = caller.admitted(caller.from_request(request), LOG)
    except TokenRefused:
        raise VerifierTokenNeeded from None
    except ScopeMissing:
        raise VerifiersOnly from None
    if found.kind != Party.Kind.VERIFIER:
        raise VerifiersOnly
    request.abate_key = found.client_id
    return found


@require_safe
def key(request: HttpRequest) -> HttpResponse:
    """The verifier key. Who trusts the log takes it from elsewhere too: a log cannot vouch for itself."""
    return _answer(f"{queries.public_key()}\n".encode(), "text/plain; charset=utf-8", A_MOMENT)


def _answer(body: bytes, kind: str, kept: str = "") -> HttpResponse:
    return HttpResponse(body, content_type=kind, headers={"Cache-Control": kept} if kept else {})


urlpatterns = [
    path("log/checkpoint", checkpoint, name="log-checkpoint"),
    path("log/tile/<path:address>", tile, name="log-tile"),
    path("log/opening/<int:index>", opening, name="log-opening"),
    path("log/key", key, name="log-key"),
]
