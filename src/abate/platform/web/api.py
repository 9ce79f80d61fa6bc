"""The reading interface of a person: `/v1/me/...`, by the session of the pages. Amounts are exact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Query, Schema, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import APIKeyCookie
from pydantic import AwareDatetime

from abate.bookkeeping.kinds import Kind
from abate.platform.carbon import queries as carbon
from abate.platform.doors.errors import Problem
from abate.platform.ledger import queries as ledger
from abate.platform.ledger import standing
from abate.platform.ledger.queries import EntryRow
from abate.platform.ledger.standing import LotRow
from abate.platform.web import access, marks, openapi, receipts
from abate.platform.web.access import Missing
from abate.platform.web.refusals import problem_json
from abate.quantify import explain


class SignInFirst(Problem):
    code = "sign-in-first"
    status = 401
    zh = "需要先登录。"
    en = "Sign in first."
    why_zh = "账户只对本人显示。"
    why_en = "An account is shown to its person only."
    remedy_zh = "在 /sign-in 登录后，带会话 Cookie 再次请求。"
    remedy_en = "Sign in at /sign-in and ask again with the session's cookie."


class RequestInvalid(Problem):
    code = "request-invalid"
    status = 422
    zh = "请求的参数不合规定。"
    en = "A parameter of the request is not as described."
    why_zh = "参数不明时不猜测。"
    why_en = "Nothing is guessed about a parameter."
    remedy_zh = "对照 /v1/openapi.json 检查参数。"
    remedy_en = "Compare it with /v1/openapi.json."


class PersonSession(APIKeyCookie):
    """The session cookie of a signed-in person. Reading only: nothing here needs a CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self) -> None:
        super().__init__(csrf=False)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return access.person_of(request)


class Lot(Schema):
    """Credits to spend before `expires_on` (null: they do not expire), first used first."""

    expires_on: date | None
    came_on: date
    origin: str
    credits: int


class Account(Schema):
    """What the person holds. `eligible_mg` is the running total that earns credits, `earned` what it earned, in millionths
    of a credit: credits are counted from it.

    `free` of the credits can be spent now and lie in `lots`; `held` are set aside; `owed` is settled by what comes.
    `uncollected` wait to be collected, each before its `expires_on`, and are not free until then.
    """

    carbon_mg: int
    credits: int
    eligible_mg: int
    earned: int
    free: int
    held: int
    owed: int
    lots: list[Lot]
    uncollected: list[Lot]


class PastAccount(Schema):
    """The account after everything booked up to `at`. Lots are as they stood, expired ones until their entry; `owed` is what
    later credits were to settle first.
    """

    at: datetime
    carbon_mg: int
    credits: int
    held: int
    owed: int
    lots: list[Lot]


class Entry(Schema):
    """One entry, amounts as the person's side; `cause` is the partner's event id or the order id. `source` of an award: the mark
    of the declared source that its data came from; null where it came from none."""

    id: int
    kind: str
    at: datetime
    day: date
    carbon_mg: int
    credits: int
    carbon_after: int
    credits_after: int
    cause: str
    leaf_hash: str
    source: dict[str, Any] | None = None


class Entries(Schema):
    """Newest first. `next_before` goes on; null at the end."""

    entries: list[Entry]
    next_before: int | None


class ProblemDocument(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    remedy: str


class Pending(Schema):
    """The entry is booked; the log has not numbered it yet."""

    status: str = "pending"


class Interface(NinjaAPI):
    """Ninja's description, with what it does not serve itself written in (openapi.py)."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._described: dict[tuple[str, str | None, str], Any] = {}

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> Any:
        """Made once: it takes a third of a second, and nothing but the address changes it while a process runs."""
        asked = settings.ABATE_ORIGIN, path_prefix, str(path_params or "")
        if asked not in self._described:
            made = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
            self._described[asked] = openapi.complete(made)
        return self._described[asked]


api = Interface(
    title="Abate",
    version="1",
    description="Behaviours in, accounts out. Every refusal is an RFC 9457 problem with a stable `type`.",
    openapi_url="/openapi.json",
    docs_url=None,
    urls_namespace="v1",
    auth=PersonSession(),
)


@api.exception_handler(Problem)
def on_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem_json(problem)


@api.exception_handler(AuthenticationError)
def on_stranger(request: HttpRequest, fault: AuthenticationError) -> HttpResponse:
    return problem_json(SignInFirst())


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, fault: Http404) -> HttpResponse:
    return problem_json(Missing())


@api.exception_handler(HttpError)
def on_unreadable(request: HttpRequest, fault: HttpError) -> HttpResponse:
    """Ninja's own refusal: a body that cannot be read."""
    return problem_json(RequestInvalid())


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, fault: ValidationError) -> HttpResponse:
    places = ", ".join(str(error["loc"][-1]) for error in fault.errors)
    return problem_json(RequestInvalid(places))


_REFUSALS = {401: ProblemDocument, 404: ProblemDocument, 422: ProblemDocument}
_ENTRY_ID = {"le": 2**63 - 1, "ge": 1}


def entry_of(row: EntryRow, source: dict[str, Any] | None = None) -> Entry:
    return Entry(
        id=row.id,
        kind=Kind(row.kind).name.lower(),
        at=row.at,
        day=row.day,
        carbon_mg=row.carbon_mg,
        credits=row.credits,
        carbon_after=row.carbon_after,
        credits_after=row.credits_after,
        cause=row.cause,
        leaf_hash=row.leaf_hash.hex(),
        source=source,
    )


def _own(request: HttpRequest, entry_id: int) -> EntryRow:
    found = ledger.entry(request.auth.pk, entry_id) if 0 < entry_id < 2**63 else None
    if found is None:
        raise Missing
    return found


@api.get("/me/account", response={200: Account, 401: ProblemDocument}, summary="Balances")
def account(request: HttpRequest) -> Account:
    held = ledger.balance(request.auth.pk)
    found = standing.standing(request.auth.pk)
    return Account(
        carbon_mg=held.carbon_mg,
        credits=held.credits,
        eligible_mg=held.eligible_mg,
        earned=held.earned,
        free=found.free,
        held=found.held,
        owed=found.owed,
        lots=_lots(found.lots),
        uncollected=_lots(found.uncollected),
    )


def _lots(lots: Iterable[LotRow]) -> list[Lot]:
    return [
        Lot(
            expires_on=None if lot.for_good else lot.expires_on,
            came_on=lot.day,
            origin=Kind(lot.origin).name.lower(),
            credits=lot.credits,
        )
        for lot in lots
    ]


@api.get(
    "/me/account/at",
    response={200: PastAccount, 401: ProblemDocument, 422: ProblemDocument},
    summary="Balances and lots at a past moment",
)
def account_at(
    request: HttpRequest,
    moment: Annotated[AwareDatetime, Query(description="RFC 3339, with its offset")],
) -> PastAccount:
    try:
        # Its own offset may be one that PostgreSQL does not know: those of sixteen hours and more.
        found = standing.at_moment(request.auth.pk, moment.astimezone(UTC))
    except OverflowError:
        raise RequestInvalid("moment") from None
    return PastAccount(
        at=moment,
        carbon_mg=found.carbon_mg,
        credits=found.credits,
        held=found.held,
        owed=found.owed,
        lots=_lots(found.lots),
    )


@api.get(
    "/me/entries", response={200: Entries, 401: ProblemDocument, 422: ProblemDocument}, summary="Entries"
)
def entries(
    request: HttpRequest,
    before: int | None = Query(None, ge=1, le=2**63 - 1, description="entries with a lower id only"),
    limit: int = Query(20, ge=1, le=100),
) -> Entries:
    rows = ledger.entries(request.auth.pk, before, limit)
    lent = marks.of_entries(rows)
    return Entries(
        entries=[entry_of(row, lent.get(row.id)) for row in rows],
        next_before=rows[-1].id if len(rows) == limit else None,
    )


@api.get(
    "/me/entries/{int:entry_id}/explanation",
    response={200: dict, **_REFUSALS},
    summary="How an award was computed: formula, inputs, factors, rounding",
)
def explanation(request: HttpRequest, entry_id: int) -> dict[str, Any]:
    row = _own(request, entry_id)
    found = carbon.behaviour_of_entry(request.auth.pk, row.id)
    if found is None:
        raise Missing
    return explain.as_data(carbon.explain(found)) | {"source": marks.of_entries([row]).get(row.id)}


@api.get(
    "/me/entries/{int:entry_id}/receipt",
    response={200: dict, 202: Pending, **_REFUSALS},
    summary="The entry's receipt from the log, verifiable offline",
)
def receipt(request: HttpRequest, entry_id: int) -> Status:
    made = receipts.receipt(request.auth, _own(request, entry_id))
    return Status(200, made) if made else Status(202, Pending())
