"""What others may know of announcements: what is said today, and what stands."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from abate.platform.announcements.models import Announcement
from abate.platform.doors import clock


def newest(code: str) -> Announcement | None:
    """The version of `code` that holds, were it ended or over."""
    return Announcement.objects.filter(code=code).order_by("-version").first()


def shown(audience: str) -> list[Announcement]:
    """What is said to people, or to partners, today (a day of the platform's zone), the newest first."""
    today = clock.today()
    to_them = _standing().filter(audience__in=(audience, Announcement.EVERYBODY))
    return list(to_them.filter(from_day__lte=today, to_day__gte=today).order_by("-from_day", "code"))


def standing() -> list[Announcement]:
    """What is said today or will be, by its first day."""
    return list(_standing().filter(to_day__gte=clock.today()).order_by("from_day", "code"))


def _standing() -> QuerySet[Announcement]:
    """Of each code its newest version, where that is not ended."""
    last = Announcement.objects.filter(code=OuterRef("code")).order_by("-version").values("pk")[:1]
    return Announcement.objects.filter(pk=Subquery(last), ended=False)
