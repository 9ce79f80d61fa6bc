"""What three people decided about a party's life (changes.py): admission, refusal, renewal, another contact, leaving. (P-6.1-d)

Each is done by an approval alone; nothing else calls these.
"""

from __future__ import annotations

import hashlib
from datetime import date
from uuid import UUID

from django.db import connection, transaction

from abate.platform.doors import clock
from abate.platform.events import actions as events
from abate.platform.incentives import actions as incentives
from abate.platform.joining import handing, queries
from abate.platform.joining.actions import check_free, complete
from abate.platform.joining.errors import ApplicationClosed, DocumentNotInOrder, NotSettled
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Agreement, Application, Document, Settlement
from abate.platform.notices import actions as notices
from abate.platform.parties import actions as parties
from abate.platform.parties import standing, webhooks
from abate.platform.parties.models import Party
from abate.platform.people import contacts, groups
from abate.platform.review import actions as review
from abate.platform.review.audit import audited
from abate.platform.review.changes import canonical
from abate.platform.review.models import User
from abate.platform.signin import actions as signin

State = Application.State
_GIVEN_BACK = "机构已退出，积分退回 / The organisation left; the credits are given back"


def check_reviewed(one: Application) -> None:
    """Raises DocumentMissing, DocumentExpired, DocumentNotInOrder."""
    if named := [paper.kind for paper in complete(one) if paper.state not in ("in_order", "approved")]:
        raise DocumentNotInOrder(", ".join(named))


def check_admissible(one: Application) -> None:
    """Whether it can be decided to admit it. Raises ApplicationClosed, RegistrationTaken, DocumentMissing, DocumentExpired,
    DocumentNotInOrder."""
    if one.state != State.SUBMITTED:
        raise ApplicationClosed(one.state)
    check_free(one.registration, bytes(one.reach))
    check_reviewed(one)


@audited("party.admit", lambda given, _: given["number"])
def admit(number: UUID, from_day: date, to_day: date, *, made_up: bool) -> Party:
    """Make the party of an application, with its agreement: on trial where the sandbox must show its conformance first.

    Its applicant looks after it. Raises what check_admissible raises, PartyCodeTaken. (P-6.1-d, P-6.2)
    """
    with transaction.atomic():
        one = Application.objects.select_for_update().get(pk=number)
        check_admissible(one)
        trial = kinds().needs_conformance(one.kind, one.grants)
        party = parties.create_party(
            one.code,
            one.kind,
            one.title_zh,
            one.title_en,
            one.behaviours,
            made_up=made_up,
            status=Party.Status.TRIAL if trial else Party.Status.ACTIVE,
            grants=one.grants,
        )
        one.state, one.party, one.decided_at = State.ADMITTED, party, clock.now()
        one.save(update_fields=["state", "party", "decided_at"])
        parties.add_member(one.user, party, "partner")
        _agree(one, party, from_day, to_day)
        _approve_papers(one, party)
        notices.write([one.user_id], "party.application")
    return party


def _agree(one: Application, party: Party, from_day: date, to_day: date) -> None:
    Agreement.objects.create(
        party=party, terms=one.terms, from_day=from_day, to_day=to_day,
        duties=kinds().duties_of(one.kind, one.grants), at=clock.now(),
    )  # fmt: skip


def _approve_papers(one: Application, party: Party) -> None:
    """The newest documents count from now on, and those that they replace no more."""
    now = clock.now()
    held = [row.pk for row in queries.newest(one).values()]
    there = Document.objects.filter(application=one, ended_at=None)
    there.exclude(pk__in=held).update(ended_at=now)
    there.filter(pk__in=held, approved_at=None).update(approved_at=now)
    standing.set_validity(party, queries.validity(one))


@audited("party.contact", lambda given, _: f"{given['number']} {given['handle']}")
def hand_over(number: UUID, reach: bytes, handle: str) -> User:
    """Another contact looks after an application and its party, with a new account `handle`: what the former one signs in with,
    its sessions and its token of the interface end, and it is told.

    `reach`: the keyed digest of the new contact, which asks for its first link itself (actions.send_links); until then nobody
    signs in. Raises ApplicationClosed, AccountOfStaff. (P-8.4-c)
    """
    with transaction.atomic():
        one = Application.objects.select_for_update().get(pk=number)
        handing.check_handable(one)
        former = one.user
        if one.handed_at is None:
            place = contacts.place(contacts.normal(queries.contact(one)["reach"]))
            notices.write([former.pk], "party.contact", to=[place])
        made = review.create_user(User.Kind.STAFF, made_up=former.made_up, handle=handle)
        for party, role in queries.seats(former):
            if party == one.party:
                parties.add_member(made, party, role)
            parties.remove_member(former, party, role)
        review.deactivate(former)
        signin.forget(former)
        one.former = queries.contacts_reached(one)
        one.user, one.reach, one.token, one.handed_at = made, reach, None, clock.now()
        # Where the former contact asked for this one, it is known by the name that was given then.
        one.contact = queries.sealed_contact(handing.settle(one, reach), "")
        one.save(update_fields=["user", "former", "reach", "token", "handed_at", "contact"])
    return made


@audited("party.refuse", lambda given, _: given["number"])
def refuse(number: UUID, reason: str) -> None:
    """End an application. Raises ApplicationClosed."""
    with transaction.atomic():
        one = Application.objects.select_for_update().get(pk=number)
        if one.state not in Application.OPEN:
            raise ApplicationClosed(one.state)
        notices.write([one.user_id], "party.application")
        one.state, one.note, one.decided_at = State.REFUSED, reason, clock.now()
        one.save(update_fields=["state", "note", "decided_at"])
        Document.objects.filter(application=one, ended_at=None).update(ended_at=clock.now())


@audited("party.renew", lambda given, _: given["number"])
def renew(number: UUID, to_day: date | None, *, resume: bool = False) -> None:
    """The party stands on its newest documents, and, with `to_day`, on an agreement until then; `resume`: it is let in
    again by the same decision, as after a lapse.

    Raises ApplicationClosed, DocumentMissing, DocumentExpired, DocumentNotInOrder, DocumentsExpired.
    """
    with transaction.atomic():
        one = Application.objects.select_for_update().get(pk=number)
        if one.party is None:
            raise ApplicationClosed(one.state)
        check_reviewed(one)
        if to_day is not None:
            _agree(one, one.party, clock.today(), to_day)
        _approve_papers(one, one.party)
        if resume:
            parties.resume(one.party)


@audited("party.settle", lambda given, _: given["party"].code)
def leave(party: Party, *, despite: bool, how: str) -> Settlement:
    """End a party's part for good: account settled and written down, keys and webhooks ended, consents and offers too; what
    people paid for codes that nobody burns any more is given back. Batches on their way end first and are in the account;
    whatever of its comes later is refused.

    Raises NotSettled where something is open, unless it was decided to leave `despite` it. (P-6.1-d)
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # First: who redeems may take long, and batches of everybody wait for the next.
        incentives.keep_redeeming_out(cursor, party)
        events.keep_batches_out()
        party = Party.objects.select_for_update().get(pk=party.pk)
        open_ = queries.unsettled(party)
        if any(open_.values()) and not despite:
            raise NotSettled(", ".join(f"{name}: {count}" for name, count in open_.items() if count))
        for endpoint in webhooks.endpoints(party.pk):
            if endpoint.ended_at is None:
                webhooks.end_endpoint(endpoint.pk)
        standing.leave(party)
        handing.drop(party)
        groups.end_party(party.pk)
        incentives.close_offers(party)
        incentives.give_back_open(party, _GIVEN_BACK)
        body = canonical(
            {"party": party.code, "at": clock.now().isoformat(), "booked": queries.settlement(party), "open": open_,
             "decided": how}
        )  # fmt: skip
        Document.objects.filter(application__party=party, ended_at=None).update(ended_at=clock.now())
        return Settlement.objects.create(
            party=party, body=body, sha256=hashlib.sha256(body.encode()).digest(), at=clock.now()
        )
