"""The people who decide, made up: three of them propose, check and approve every change of the demo's set-up.

Everything goes through the platform's own door (review/proposing.py); nothing here writes a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from abate.platform.credits.actions import PERSON_DAY, Per
from abate.platform.credits.models import Cap, Rule
from abate.platform.doors import randomness
from abate.platform.doors.keyring import keyring
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.models import Order
from abate.platform.ledger.queries import EntryRow
from abate.platform.parties import collecting
from abate.platform.parties.models import Party
from abate.platform.people import queries as people
from abate.platform.review import opening, proposing, queries, rights
from abate.platform.review.changes import Json
from abate.platform.review.models import Grant, Step, User
from abate.platform.review.opening import First

WHY = "示例设置 / set-up of a sample"
PEOPLE = (
    First("made-up security administrator", ("security_admin",)),
    First("made-up system administrator", ("system_admin",)),
    First("made-up audit administrator", ("audit_admin",)),
    First("made-up entry clerk", ("entry",)),
    First("made-up checker", ("check",)),
    First("made-up approver", ("approve",)),
)


def staffed() -> dict[str, User]:
    """The first account in each role, by role; opens the system where it is empty."""
    if queries.opened_at() is None:
        opening.open_system(PEOPLE, made_up=True)
    held = Grant.objects.select_related("user").filter(user__is_active=True).order_by("-user_id")
    return {grant.role: grant.user for grant in held}


def decide(name: str, /, **arguments: Any) -> Json:
    """Propose, check and approve a change by three people; returns what the approval shows once."""
    by_role = staffed()
    proposer, checker, approver = (
        next(by_role[role] for role in rights.roles_of_step(step, name) if role in by_role)
        for step in (Step.PROPOSE, Step.CHECK, Step.APPROVE)
    )
    proposal = proposing.propose(proposer, name, arguments, WHY)
    proposing.check(checker, proposal.pk)
    return proposing.approve(approver, proposal.pk)


def create_party(
    code: str,
    kind: str,
    title_zh: str,
    title_en: str,
    behaviours: Iterable[str] = (),
    *,
    made_up: bool = True,
) -> Party:
    decide(
        "party.create",
        code=code,
        kind=str(kind),
        title_zh=title_zh,
        title_en=title_en,
        behaviours=list(behaviours),
        made_up=made_up,
    )
    return Party.objects.get(code=code)


def issue_client(party: Party, scopes: Iterable[str] | None = None) -> tuple[str, str]:
    """(client id, secret), collected as the party does; in a sandbox told at once (parties/changes.py)."""
    made = decide("party.client", code=party.code, scopes=None if scopes is None else list(scopes))
    if "client_secret" in made:
        return made["client_id"], made["client_secret"]
    return collecting.collect(party.pk, made["client_id"])


def add_member(user: User, party: Party, role: str) -> None:
    decide("party.member", code=party.code, account=user.handle, role=role)


def create_offer(
    *,
    party_id: int,
    title: tuple[str, str],
    detail: tuple[str, str],
    price_credits: int,
    stock: int,
    valid_days: int,
    from_at: datetime,
    to_at: datetime,
    made_up: bool = True,
) -> UUID:
    made = decide(
        "offer.create",
        party=Party.objects.get(pk=party_id).code,
        title_zh=title[0],
        title_en=title[1],
        detail_zh=detail[0],
        detail_en=detail[1],
        price_credits=price_credits,
        stock=stock,
        valid_days=valid_days,
        from_at=from_at.isoformat(),
        to_at=to_at.isoformat(),
        made_up=made_up,
    )
    return UUID(made["offer"])


def add_cap(
    behaviour: str,
    from_day: date,
    max_mg: int,
    reason: tuple[str, str],
    to_day: date | None = None,
    *,
    per: Per = PERSON_DAY,
) -> Cap:
    decide(
        "cap.add",
        behaviour=behaviour,
        from_day=from_day.isoformat(),
        to_day=to_day and to_day.isoformat(),
        max_mg=max_mg,
        reason_zh=reason[0],
        reason_en=reason[1],
        scope=per.scope,
        period=per.period,
        field=per.field,
    )
    return Cap.objects.latest("id")


def add_rule(
    from_day: date,
    title: tuple[str, str],
    *,
    credits_per_kg: int | None = None,
    expiry_days: int | None = None,
    expiry_years: int | None = None,
    never_expires: bool = False,
    claim_days: int | None = None,
    no_claim: bool = False,
) -> Rule:
    decide(
        "rule.add",
        from_day=from_day.isoformat(),
        title_zh=title[0],
        title_en=title[1],
        credits_per_kg=credits_per_kg,
        expiry_days=expiry_days,
        expiry_years=expiry_years,
        never_expires=never_expires,
        claim_days=claim_days,
        no_claim=no_claim,
    )
    return Rule.objects.get(from_day=from_day)


def adjust(person_id: int, credits: int, order_id: str) -> EntryRow:
    person = people.person(person_id)
    assert person is not None
    decide("ledger.adjust", person=person.pseudonym, credits=credits, order=order_id)
    entry = ledger.entry(person_id, Order.objects.get(person_id=person_id, order_id=order_id).entry_id)
    assert entry is not None
    return entry


def hire(identity: str, *roles: str) -> User:
    """A new account of somebody of the staff, with these roles."""
    account = str(randomness.new_uuid())
    decide("staff.enrol", holder=keyring().number_hmac(identity).hex(), account=account, made_up=True)
    user = User.objects.get(handle=account)
    for role in roles:
        decide("role.grant", account=user.handle, role=role)
    return user
