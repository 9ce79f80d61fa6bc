"""Who may see a page: every view that shows or changes something of somebody's passes one of these doors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import queries as joining
from abate.platform.joining.models import Application
from abate.platform.parties import queries as parties
from abate.platform.parties.models import Party
from abate.platform.people import children
from abate.platform.people import queries as people
from abate.platform.people.children import ChildRow
from abate.platform.people.models import Person
from abate.platform.people.policy import child_policy, people_may
from abate.platform.review import queries as review

T = TypeVar("T")
_MISSING = object()
# In the session: the child whose account a guardian looks at.
ACTING_FOR = "acting_for"


class NotYours(Problem):
    code = "not-for-this-account"
    status = 403
    zh = "当前账号没有查看此页面的权限。"
    en = "This account may not see this page."
    why_zh = "每个页面只对相应角色开放。"
    why_en = "A page is open to the role it was made for."
    remedy_zh = "请退出后用对应角色的账号登录。"
    remedy_en = "Sign out and sign in with an account of the role that may."


class Missing(Problem):
    """Also what is there but another person's: the answer does not tell which."""

    code = "not-found"
    status = 404
    zh = "没有找到这条记录。"
    en = "There is no such record."
    why_zh = "没有可以显示的内容；他人的记录同样如此回答。"
    why_en = "There is nothing to show; another person's record is answered in the same way."
    remedy_zh = "请从明细中打开。"
    remedy_en = "Open it from your activity list."


def _once(request: HttpRequest, name: str, find: Callable[[], T]) -> T:
    """`find()`, asked once per request."""
    known = getattr(request, name, _MISSING)
    if known is _MISSING:
        known = find()
        setattr(request, name, known)
    return known  # type: ignore[return-value]


def signed_in_person(request: HttpRequest) -> Person | None:
    """The person who holds the session, whoever they act for."""
    if not request.user.is_authenticated:
        return None
    return _once(request, "_abate_person", lambda: people.by_user(request.user))


def child_of(request: HttpRequest) -> tuple[Person, ChildRow] | None:
    """The child for whom the signed-in guardian looks at the pages; asked anew with each request, for it ends by date."""
    guardian, child = signed_in_person(request), request.session.get(ACTING_FOR)
    if guardian is None or not isinstance(child, int):
        return None
    return _once(request, "_abate_child", lambda: children.acted_for(guardian.pk, child))


def notice_about(request: HttpRequest) -> str:
    """Which notice holds for the account of these pages: a child's is agreed to by its guardian under the children's."""
    return "children" if child_of(request) else "people"


def act_for(request: HttpRequest, child_id: int | None) -> None:
    """From the next request on the pages are about this child of the signed-in guardian; None: about themselves."""
    request.session.pop(ACTING_FOR, None)
    if child_id is not None:
        request.session[ACTING_FOR] = child_id


def may(request: HttpRequest, act: str) -> bool:
    """Whether the account of these pages may `redeem` or `transfer` by the operator's policy; the act itself decides again.
    (P-6.5)"""
    return people_may(act) and (child_of(request) is None or act in child_policy().may)


def person_of(request: HttpRequest) -> Person | None:
    """Whose account the pages are about: the signed-in person's own, or that of a child they are the guardian of."""
    acting = child_of(request)
    return acting[0] if acting else signed_in_person(request)


def _seats(request: HttpRequest, role: str) -> list[Party]:
    if not request.user.is_authenticated:
        return []
    held = _once(request, "_abate_seats", lambda: parties.seats(request.user))
    return [party for one, party in held if one == role]


def _seat(request: HttpRequest, role: str) -> Party | None:
    return next((party for party in _seats(request, role) if party.stands(clock.today())), None)


def acceptor_of(request: HttpRequest) -> Party | None:
    """The party for which the signed-in user burns codes."""
    return _seat(request, "acceptor")


def at_the_till(request: HttpRequest) -> Party | None:
    """The same; where none of them may take part now, one that may not."""
    return acceptor_of(request) or next(iter(_seats(request, "acceptor")), None)


def _burning(request: HttpRequest) -> Party | None:
    """acceptor_of; where only its party's standing is in the way that is said. Raises PartySuspended, DocumentsExpired."""
    party = at_the_till(request)
    if party is not None:
        parties.check_standing(party.code, party.status, party.valid_until)
    return party


def partner_of(request: HttpRequest) -> Party | None:
    """The party whose keys and webhooks the signed-in user looks after."""
    return _seat(request, "partner")


def applicant_of(request: HttpRequest) -> Application | None:
    """The application that the signed-in user looks after."""
    if not request.user.is_authenticated:
        return None
    return _once(request, "_abate_applicant", lambda: joining.of_user(request.user))


def is_staff(request: HttpRequest) -> bool:
    """Whether the signed-in user holds any role of the operator's; what each may do is review.rights' to say."""
    if not request.user.is_authenticated:
        return False
    return _once(request, "_abate_operator", lambda: bool(review.roles(request.user)))


def _guard(find: Callable[[HttpRequest], T | None]) -> Callable[..., Callable[..., HttpResponse]]:
    def door(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                there = request.get_full_path() if request.method == "GET" else reverse("home")
                return redirect(f"{reverse('sign-in')}?{urlencode({'next': there})}")
            found = find(request)
            if not found:
                raise NotYours
            return view(request, found, **kwargs)

        return guarded

    return door


own_page = _guard(signed_in_person)
"""The view gets (request, person): who holds the session, and no child of theirs."""
user_page = _guard(lambda request: request.user)
"""The view gets (request, user): whoever is signed in, for their own sign-in."""
person_page = _guard(person_of)
"""The view gets (request, person): the signed-in person or their child, and nobody else's data can be asked for."""
acceptor_page = _guard(_burning)
"""The view gets (request, party), which may take part now."""
applicant_page = _guard(applicant_of)
"""The view gets (request, application): its own, whatever an address or a form names."""
partner_page = _guard(partner_of)
"""The view gets (request, party): nothing of another party can be asked for."""
operator_page = _guard(lambda request: is_staff(request) or None)
"""The view gets (request, True): somebody of the staff, whose right the gate has seen already (gate.py)."""
