"""A returned application is mended: all that its applicant wrote, checked as at first, with before and after kept. (P-6.1-d)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from abate.platform.doors import clock
from abate.platform.doors.keyring import keyring
from abate.platform.joining import actions, handing, queries
from abate.platform.joining.actions import Particulars
from abate.platform.joining.errors import ApplicationClosed
from abate.platform.joining.models import Application, Document, Finding, Revision
from abate.platform.notices import actions as notices
from abate.platform.parties import limits
from abate.platform.parties.errors import PartyCodeTaken
from abate.platform.parties.models import Party
from abate.platform.people import contacts
from abate.platform.review import actions as review
from abate.platform.review.audit import audited
from abate.platform.signin import actions as signin

A_DAY = 20
"""How often one application is mended within a day, for every turn is kept: our policy."""


@audited("application.mend", lambda given, _: given["one"].pk)
def mend(
    one: Application, given: Particulars, known: Mapping[str, object], *, session: str = ""
) -> Application:
    """Say anew what a returned application says; an empty contact or name of it stays. What was found of its documents
    before counts no more, and those that its kind asks for no more end. The same again changes nothing.

    Another contact is told and has to be reached before it is handed in, and the one before it too; what the account signs
    in with ends, and the token of the interface, and all its sessions but `session`. An application is mended A_DAY times a
    day. Raises ApplicationClosed, ApplicationMalformed, ContactMalformed, PartyCodeTaken, RegistrationTaken, LimitReached, and
    AccountOfStaff where the contact would change of an account that is also one of the operator's people.
    """
    limits.take([limits.Limit("mending", f"mending:{one.pk}", A_DAY, limits.DAY)])
    with transaction.atomic():
        locked = Application.objects.select_for_update(of=("self",)).select_related("user").get(pk=one.pk)
        if locked.state != Application.State.RETURNED:
            raise ApplicationClosed(locked.state)
        held = queries.opened(locked.contact)
        given = replace(
            given,
            contact_name=given.contact_name or held["name"],
            contact=given.contact or held["reach"],
        )
        actions.checked(given, known)
        said = _of_organisation(locked, given)
        if said:
            # Whoever was not reached yet is told nothing of whose contact it is: handing it in asks again, and needs the proof.
            if locked.proved_at:
                actions.check_free(said.get("registration", [locked.registration])[-1], bytes(locked.reach))
            _say(locked, said)
        kept = {"name": given.contact_name.strip(), "reach": contacts.normal(given.contact).value}
        if kept != held:
            _reach(locked, held, kept, session)
        changed = said | ({"contact": None} if kept != held else {})
        if changed:
            Revision.objects.create(
                application=locked, kind=Revision.MENDED, changed=changed, user=locked.user, at=clock.now()
            )
    return locked


def _of_organisation(one: Application, given: Particulars) -> dict[str, list[Any]]:
    """field -> [before, after] of what changes."""
    wanted: dict[str, Any] = {
        "code": given.code,
        "kind": given.kind,
        "grants": sorted(set(given.grants)),
        "behaviours": sorted(set(given.behaviours)),
        "title_zh": given.title_zh.strip(),
        "title_en": given.title_en.strip(),
        "registration": given.registration.strip().upper(),
    }
    before = {name: getattr(one, name) for name in wanted}
    return {name: [before[name], value] for name, value in wanted.items() if before[name] != value}


def _say(one: Application, said: Mapping[str, list[Any]]) -> None:
    for name, (_, after) in said.items():
        setattr(one, name, after)
    newest = Finding.objects.filter(application=one).aggregate(newest=Max("pk"))["newest"]
    one.found_from = newest or 0
    if "code" in said and Party.objects.filter(code=one.code).exists():
        raise PartyCodeTaken(one.code)
    try:
        with transaction.atomic():
            one.save(update_fields=[*said, "found_from"])
    except IntegrityError:
        raise PartyCodeTaken(one.code) from None
    asked = list(queries.required(one))
    there = Document.objects.filter(application=one, ended_at=None)
    there.exclude(kind__in=asked).update(ended_at=clock.now())


def _reach(one: Application, held: Mapping[str, str], kept: Mapping[str, str], session: str) -> None:
    """The applicant is reached at another place from now on, or has another name there."""
    one.contact = queries.sealed_contact(kept["name"], kept["reach"])
    if kept["reach"] != held["reach"]:
        # Their password and factors would end with the applicant's, and the new contact's link would be a way into their roles.
        handing.check_handable(one)
        one.former = queries.contacts_reached(one)
        one.reach, one.proved_at = keyring().identity_hmac(kept["reach"]), None
        former = contacts.place(contacts.normal(held["reach"]))
        notices.write([one.user_id], "party.reach", to=[former])
        # Who came by the former place keeps nothing to come back with: links that wait there, what was signed in with, the token
        # of the interface, and every session but the one in which it is said.
        review.end_links_of(one.user)
        signin.forget(one.user, but=session)
        one.token = None
    one.save(update_fields=["contact", "former", "reach", "proved_at", "token"])
    if kept["reach"] != held["reach"]:
        actions.send_links(kept["reach"])
