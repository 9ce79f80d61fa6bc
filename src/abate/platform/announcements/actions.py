"""The only writer of announcements; called by what three people approved (changes.py)."""

from __future__ import annotations

from datetime import date

from abate.platform.announcements import queries
from abate.platform.announcements.errors import AnnouncementUnknown
from abate.platform.announcements.models import Announcement
from abate.platform.doors import clock
from abate.platform.review.audit import audited


@audited("announcement.set", lambda given, _: given["code"])
def publish(
    code: str,
    *,
    audience: str,
    title: tuple[str, str],
    text: tuple[str, str],
    from_day: date,
    to_day: date,
) -> Announcement:
    """The next version of `code`; `title` and `text` are (Chinese, English). It is shown on its days, by date alone."""
    last = queries.newest(code)
    return Announcement.objects.create(
        code=code,
        version=last.version + 1 if last else 1,
        audience=audience,
        title_zh=title[0],
        title_en=title[1],
        text_zh=text[0],
        text_en=text[1],
        from_day=from_day,
        to_day=to_day,
        ended=False,
        at=clock.now(),
    )


@audited("announcement.end", lambda given, _: given["code"])
def end(code: str) -> Announcement:
    """From now on nothing is said under `code`. Raises AnnouncementUnknown."""
    last = queries.newest(code)
    if last is None:
        raise AnnouncementUnknown(code[:40])
    last.pk, last.version, last.ended, last.at = None, last.version + 1, True, clock.now()
    last.save(force_insert=True)
    return last
