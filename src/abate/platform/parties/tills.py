"""An acceptor's people at the till: it invites them itself, each takes a link once, and a seat ends at once.

A seat burns codes of its own party's offers and can do nothing else, so it needs no decision of the operator's: three
people admitted the party, which answers for its people (decision 0032). Whose it is the party says, by the number of their
identity document: of it the keyed digest alone is kept, by which they have no say in what is decided about the party.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from abate.platform.doors import clock, randomness
from abate.platform.doors.errors import Problem
from abate.platform.doors.identity_number import is_document, normal_number
from abate.platform.doors.keyring import keyring
from abate.platform.doors.words import on_one_line
from abate.platform.parties import limits
from abate.platform.parties.models import Member, Party, Till
from abate.platform.parties.queries import check_standing
from abate.platform.review import actions as review
from abate.platform.review import audit
from abate.platform.review.audit import audited
from abate.platform.review.errors import ConcernsOneself
from abate.platform.review.models import User
from abate.platform.signin import actions as signin

VALID = timedelta(hours=24)
"""So long a link can be taken, as long as a link to sign in."""
_NAME = 40


class NoTills(Problem):
    code = "party-without-tills"
    status = 404
    zh = "该机构的类别不核销兑换码，没有收银员。"
    en = "A party of this kind burns no codes, so nobody is at a till of it."
    why_zh = "只有商户、公益组织、金融机构和公共服务机构兑付权益（T/CECA-G 0203，6.2）。"
    why_en = "Merchants, welfare organisations, financial institutions and public services redeem (T/CECA-G 0203, 6.2)."
    remedy_zh = "需要核销请以相应类别申请入驻（/join）。"
    remedy_en = "To burn codes, apply as one of these kinds (/join)."


class TillNameUnfit(Problem):
    code = "till-name-unfit"
    status = 422
    zh = "收银台或收银员的名称须为 1 至 40 字，一行；没有发出邀请。"
    en = "The name of a till or person has 1 to 40 signs on one line; nobody was invited."
    why_zh = "名称用来分辨谁在核销，以及停用谁。"
    why_en = "By it you tell who burns codes, and whom to end."
    remedy_zh = "例如“1 号收银台”或“王店员”。"
    remedy_en = 'Such as "Till 1" or "Wang, at the counter".'


class TillHolderUnfit(Problem):
    code = "till-holder-unfit"
    status = 422
    zh = "请填写使用这个席位的人的证件号码（居民身份证号码须校验正确）；没有生成链接。"
    en = "Give the number of their identity document (a resident's with its right check sign); no link was made."
    why_zh = (
        "运营方的工作人员若也在贵机构收银，就不得审批与贵机构有关的事项；本站只以密钥摘要比对，不保存号码。"
    )
    why_en = (
        "Whoever works for the operator and at your till may not decide about you. They are found by a keyed digest: the"
        " number is not kept."
    )
    remedy_zh = "按证件填写：居民身份证 18 位，护照或通行证 6 至 17 位字母和数字。"
    remedy_en = "Write it as printed: 18 signs of a resident's card, 6 to 17 letters and digits of a passport or permit."


class TillsFull(Problem):
    code = "tills-full"
    status = 409
    zh = "收银席位和未用的邀请已达上限；没有发出邀请。"
    en = "The party has as many tills and open invitations as it may; nobody was invited."
    why_zh = "席位有上限，以免被盗的机构账号大量开设。"
    why_en = "There is a bound, so that a stolen account of the party's cannot seat a crowd."
    remedy_zh = "停用不再使用的席位或邀请；确需更多请联系运营方（设置 ABATE_TILLS_PER_PARTY）。"
    remedy_en = "End those that are not used; for more ask the operator (setting ABATE_TILLS_PER_PARTY)."


class TillLinkSpent(Problem):
    """One answer for a link that never was, was taken, was ended or has run out."""

    code = "till-link-spent"
    status = 404
    zh = "这个邀请链接已使用、已停用或已过期。"
    en = "This invitation was taken or ended, or it has run out."
    why_zh = "邀请只能使用一次，24 小时内有效，以免被他人再用。"
    why_en = "It works once and for 24 hours, so that nobody uses it after you."
    remedy_zh = "请向发出邀请的机构索取新的邀请。"
    remedy_en = "Ask whoever invited you for a new one."


class TillUnknown(Problem):
    """Also one of another party's: the answer does not tell which."""

    code = "till-unknown"
    status = 404
    zh = "没有这个收银席位，或它已停用。"
    en = "There is no such till, or it has ended."
    why_zh = "只能管理本机构现有的席位和邀请。"
    why_en = "A party looks after its own tills and invitations, those that there are."
    remedy_zh = "请重新打开收银员页面。"
    remedy_en = "Open the page of your tills anew."


class AtItsTill(ConcernsOneself):
    """The party alone says so; the detail names the seat, so that it can be disputed and the operator can end it."""

    code = "concerns-own-till"
    status = 403
    zh = "变更涉及的机构称这个收银席位由您使用，您不得参与决定。"
    en = "The party that this is about says that this seat at its till is yours, so you have no say in it."
    why_zh = (
        "在某机构收银的人不就该机构作决定（P-8.4-c）。席位由谁使用，是机构自己申报的；本站只比对密钥摘要。"
    )
    why_en = (
        "Whoever sits at a party's till decides nothing about it (P-8.4-c). Whose a seat is, the party alone says; only keyed"
        " digests are compared."
    )
    remedy_zh = "请由另一位工作人员处理。若您不在该机构收银，请告知运营方，按编号停用该席位。"
    remedy_en = "Somebody else has to decide. If you do not sit there, say so: the operator ends the seat."


@dataclass(frozen=True, slots=True)
class TillRow:
    """A seat, or an invitation that can still be taken (`since` is None, `until` its end).

    `id` and `name` are None and empty where the operator's people gave the seat: theirs to take back. `told`: whether it is
    known whose it is; those that the operator gave are an account's whose holder is known apart.
    """

    id: int | None
    name: str
    user_id: int | None
    invited_at: datetime
    since: datetime | None
    until: datetime | None
    told: bool


@audited("till.invite", lambda _, made: made[0].pk)
def invite(party: Party, name: str, number: str) -> tuple[Till, str]:
    """Invite whose identity document has this `number` to a till of `party`: the invitation, and the token of its link, which
    is shown now and never again.

    Again under the name of an open invitation, it is the same one with a new link, and the earlier link is worth nothing.
    Raises NoTills, PartySuspended, DocumentsExpired, TillNameUnfit, TillHolderUnfit, TillsFull, LimitReached.
    Clause P-6.2-types.
    """
    check_kind(party)
    name = name.strip()
    if not 0 < len(name) <= _NAME or not on_one_line(name):
        raise TillNameUnfit
    human, now = _holder(number), clock.now()
    with transaction.atomic():
        # In turn: the bound is counted by one at a time; an invitation that is just being taken need not wait.
        own = Party.objects.select_for_update(no_key=True).get(pk=party.pk)
        check_standing(own.code, own.status, own.valid_until)
        # Whose answer was lost asks again: of two alike nobody could tell which link is out.
        known = _open(own.pk, now).select_for_update().filter(name=name, user=None).first()
        if known is None and _open(own.pk, now).count() >= settings.ABATE_TILLS_PER_PARTY:
            raise TillsFull
        _take_link(own)
        token = base64.urlsafe_b64encode(randomness.token_bytes(24)).decode()
        made = known or Till(party=own, name=name)
        made.digest, made.human, made.invited_at, made.until = _digest(token), human, now, now + VALID
        made.save()
    return made, token


def _holder(number: str) -> bytes:
    """The keyed digest of a number, which is kept nowhere. Raises TillHolderUnfit."""
    if not is_document(normal_number(number)):
        raise TillHolderUnfit
    return keyring().number_hmac(number)


def drop_holders(before: datetime) -> int:
    """Forget whose invitations were that nobody took before then; how many."""
    with transaction.atomic():
        dropped = Till.objects.filter(until__lt=before, human__isnull=False).update(human=None)
        if dropped:
            audit.note("till.holder-clear", dropped)
    return dropped


def seats_of(human: bytes) -> dict[int, Till]:
    """user -> the seat that is said to be theirs whom this digest of an identity names. (P-8.4-c)"""
    held = Till.objects.filter(human=human, user__isnull=False)
    return {till.user_id: till for till in held if till.user_id is not None}


def check_kind(party: Party) -> None:
    """Raises NoTills where a party of this kind burns no codes."""
    if party.kind not in Party.ACCEPTORS:
        raise NoTills(party.kind)


def _take_link(party: Party) -> None:
    """A party makes at most as many links a day as it may have tills."""
    limits.take([limits.Limit("tills", f"tills:{party.pk}", settings.ABATE_TILLS_PER_PARTY, limits.DAY)])


def _digest(token: str) -> bytes:
    return keyring().code_hmac(f"till\x00{token[:200]}")


def offered(token: str) -> Till:
    """The invitation of a link, with its party; nothing is spent. Raises TillLinkSpent."""
    found = Till.objects.filter(digest=_digest(token), until__gt=clock.now()).select_related("party").first()
    if found is None:
        raise TillLinkSpent
    return found


@audited("till.take", lambda _, made: made.handle)
def take(token: str) -> User:
    """Spend an invitation: a new account whose one seat is at this till. Of two who try at once one has it.

    Raises TillLinkSpent, PartySuspended, DocumentsExpired.
    """
    now = clock.now()
    with transaction.atomic():
        # Conditions on its own row only: they are judged once more when the lock is had.
        till = Till.objects.select_for_update().filter(digest=_digest(token), until__gt=now).first()
        if till is None:
            raise TillLinkSpent
        party = Party.objects.get(pk=till.party_id)
        check_standing(party.code, party.status, party.valid_until)
        user = review.create_user(User.Kind.TILL, made_up=party.made_up)
        Member.objects.create(user=user, party=party, role=Member.Role.ACCEPTOR, since=now)
        till.user, till.since, till.until, till.digest = user, now, None, None
        till.save(update_fields=["user", "since", "until", "digest"])
    return user


@audited("till.link", lambda given, _: given["till_id"])
def link(party: Party, till_id: int, number: str = "") -> str:
    """The token of a single-use link with which the holder of a seat signs in again, on another device too.

    `number` says whose it is where nobody did yet. Raises TillUnknown, TillHolderUnfit, PartySuspended, DocumentsExpired,
    LimitReached.
    """
    check_standing(party.code, party.status, party.valid_until)
    with transaction.atomic():
        # An end that came between would leave whose it was on a seat that is over.
        till = Till.objects.select_for_update().filter(pk=till_id, party=party, until=None).first()
        if till is None or till.user is None:
            raise TillUnknown
        if till.human is None:
            till.human = _holder(number)
            till.save(update_fields=["human"])
        _take_link(party)
        return review.issue_link(till.user, valid=VALID)


@audited("till.end", lambda given, _: given["till_id"])
def end(till_id: int, party_id: int | None = None) -> str:
    """End a seat with its account and its sessions, or an invitation, at once; its party's code. `party_id`: only one of
    this party's.

    Raises TillUnknown, also where it is over already.
    """
    now = clock.now()
    with transaction.atomic():
        found = Till.objects.select_for_update().filter(Q(until=None) | Q(until__gt=now), pk=till_id)
        till = (found if party_id is None else found.filter(party_id=party_id)).first()
        if till is None:
            raise TillUnknown
        till.until, till.digest, till.human = now, None, None
        till.save(update_fields=["until", "digest", "human"])
        if till.user_id is not None:
            user = User.objects.get(pk=till.user_id)
            Member.objects.filter(user=user).delete()
            review.deactivate(user)
            signin.forget(user)
    return till.party.code


def end_all(party: Party) -> None:
    """The party leaves: nobody is at a till of it any more, and no invitation is good."""
    for till_id in _open(party.pk, clock.now()).values_list("pk", flat=True):
        # What ran out or was ended meanwhile is over, as it should be.
        with suppress(TillUnknown):
            end(till_id)


def _open(party_id: int, now: datetime) -> QuerySet[Till]:
    """Seats at work and invitations that can be taken."""
    return Till.objects.filter(Q(until=None) | Q(until__gt=now), party_id=party_id)


def open_of(till_ids: Collection[int]) -> list[int]:
    """Those of these seats and invitations that are open now."""
    found = Till.objects.filter(Q(until=None) | Q(until__gt=clock.now()), pk__in=till_ids)
    return list(found.order_by("pk").values_list("pk", flat=True))


def of_party(party_id: int) -> list[TillRow]:
    """Who burns codes for a party now and who is invited to, by name; those last whom the operator's people seated."""
    seats = Member.objects.filter(party_id=party_id, role=Member.Role.ACCEPTOR, user__is_active=True)
    own = list(_open(party_id, clock.now()).order_by("name", "pk"))
    others = seats.exclude(user_id__in=[till.user_id for till in own if till.user_id is not None])
    return [
        TillRow(
            till.pk, till.name, till.user_id, till.invited_at, till.since, till.until, till.human is not None
        )
        for till in own
    ] + [
        TillRow(None, "", user_id, since, since, None, told=True)
        for user_id, since in others.order_by("since", "user_id").values_list("user_id", "since")
    ]


def names(party_id: int, user_ids: Collection[int]) -> dict[int, str]:
    """The names under which a party seated these users, also those whom it ended since."""
    return dict(Till.objects.filter(party_id=party_id, user_id__in=user_ids).values_list("user_id", "name"))
