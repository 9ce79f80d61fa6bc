"""What applicants left behind goes when it has had its time: `abate privacy retain` calls these. (PIPL article 19, P-8.4-b)"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Greatest

from abate.platform.doors import clock
from abate.platform.joining import queries
from abate.platform.joining.models import Application, Document, Settlement
from abate.platform.review import actions as review
from abate.platform.review import audit

State = Application.State
_LIES = Q(state=State.DRAFT, proved_at__isnull=False) | Q(state=State.RETURNED)
"""It is the applicant's turn: proved and never handed in, or sent back."""


def clear_unproved(before: datetime) -> int:
    """Delete applications made before then whose contact never opened the link, with their papers; close their accounts. One that
    was returned, and mended for another contact that never did, counts as withdrawn, and its contact is emptied.

    Their codes are free again. How many they were.
    """
    unproved = Application.objects.filter(state=State.DRAFT, proved_at=None, made_at__lt=before)
    with transaction.atomic():
        found = list(unproved.select_for_update(of=("self",)).select_related("user"))
        Document.objects.filter(application__in=found).delete()
        Application.objects.filter(pk__in=[one.pk for one in found]).delete()
        for one in found:
            review.deactivate(one.user)
        count = len(found) + _withdraw_unproved(before)
        if count:
            audit.note("application.clear", count)
    return count


def _withdraw_unproved(before: datetime) -> int:
    unproved = Application.objects.filter(state=State.RETURNED, proved_at=None)
    held = [one.pk for one in unproved.order_by("pk").select_for_update()]
    # Read once they are held: one that is mended at this moment is not old.
    found = list(unproved.filter(pk__in=held).exclude(revisions__at__gte=before).select_related("user"))
    now = clock.now()
    Document.objects.filter(application__in=found, ended_at=None).update(ended_at=now)
    ended = Application.objects.filter(pk__in=[one.pk for one in found])
    ended.update(state=State.WITHDRAWN, decided_at=now, **_no_contact())
    for one in found:
        review.deactivate(one.user)
    return len(found)


def _no_contact() -> dict[str, Any]:
    """What is written where a contact is kept no longer."""
    return {"contact": queries.sealed_contact("", ""), "reach": b"", "token": None, "former": []}


def drop_contacts(before: datetime) -> int:
    """Empty the contact of every application that was refused or withdrawn before then, or that lies since before then, and
    of every party that left before then; the rows stay. How many."""
    ended = Q(state__in=(State.REFUSED, State.WITHDRAWN), decided_at__lt=before)
    left = Q(party_id__in=Settlement.objects.filter(at__lt=before).values("party_id"))
    with transaction.atomic():
        _end_lying(before)
        dropped = Application.objects.filter(ended | left).exclude(reach=b"").update(**_no_contact())
        if dropped:
            audit.note("application.contact-clear", dropped)
    return dropped


def _end_lying(before: datetime) -> None:
    """Who did nothing with their application since before then asks for nothing any more: it was withdrawn when it was last
    touched, and its papers ended with it. Its code and number are free again."""
    held = Application.objects.filter(_LIES, made_at__lt=before).order_by("pk").select_for_update()
    # Read once they are held: who mends one or hands it in at this moment touched it.
    touched = Greatest(
        "made_at", "proved_at", "handed_at", "submitted_at",
        Max("documents__added_at"), Max("revisions__at"), Max("findings__at"),
    )  # fmt: skip
    lying = Application.objects.filter(_LIES, pk__in=[one.pk for one in held])
    found = list(lying.annotate(touched=touched).filter(touched__lt=before).values_list("pk", "touched"))
    for number, at in found:
        Application.objects.filter(pk=number).update(state=State.WITHDRAWN, decided_at=at)
        Document.objects.filter(application=number, ended_at=None).update(ended_at=at)
    if found:
        audit.note("application.lies", len(found))
