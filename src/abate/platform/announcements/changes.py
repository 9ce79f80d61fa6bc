"""The changes of this room that need three people (review/changes.py): saying something for a time, and no longer."""

from __future__ import annotations

import re
from datetime import date
from unicodedata import category

from abate.platform.announcements import actions, queries
from abate.platform.announcements.errors import AnnouncementUnfit, AnnouncementUnknown
from abate.platform.announcements.models import Announcement
from abate.platform.doors import clock
from abate.platform.doors.words import on_one_line
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
LONGEST = {"title_zh": 60, "title_en": 120, "text_zh": 1000, "text_en": 2000}
"""Characters of each text: our policy, what a start page shows without hiding what it is for."""
LONGEST_DAYS = 366
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that Unicode shows as nothing: the fillers of Hangul, and Braille without a dot."""
_DAYS = ("from_day", "to_day")
_OF = ("audience", *LONGEST, *_DAYS)


def _complete(given: Json) -> Json:
    """Raises AnnouncementUnfit, naming the first field that is not in order."""
    if not _CODE.fullmatch(given["announcement"]):
        raise AnnouncementUnfit("announcement: small letters, digits and dashes, 40 at most")
    if given["audience"] not in Announcement.AUDIENCES:
        raise AnnouncementUnfit(f"audience: of {', '.join(Announcement.AUDIENCES)}")
    words = {name: given[name].strip() for name in LONGEST}
    for name, longest in LONGEST.items():
        if len(words[name]) > longest or not _readable(words[name]):
            raise AnnouncementUnfit(f"{name}: 1 to {longest} characters, on one line")
    try:
        first, last = (date.fromisoformat(given[name]) for name in _DAYS)
    except ValueError:
        raise AnnouncementUnfit("from_day, to_day: days like 2026-07-01") from None
    if last < max(first, clock.today()) or (last - first).days >= LONGEST_DAYS:
        raise AnnouncementUnfit(f"to_day: today or later, within {LONGEST_DAYS} days of from_day")
    return given | words | {"from_day": first.isoformat(), "to_day": last.isoformat()}


def _readable(words: str) -> bool:
    """Whether something of it is seen, and all of it stands on one line, in its own direction."""
    return on_one_line(words) and any(category(sign)[0] in "LNPS" and sign not in _BLANK for sign in words)


def _look(given: Json) -> Json:
    last = queries.newest(given["announcement"])
    if last is None:
        return {"announcement": None}
    told = {name: getattr(last, name) for name in (*_OF, "version", "ended")}
    return {"announcement": told | {name: told[name].isoformat() for name in _DAYS}}


def _after(given: Json, before: Json) -> Json:
    version = before["announcement"]["version"] + 1 if before["announcement"] else 1
    return {"announcement": {name: given[name] for name in _OF} | {"version": version, "ended": False}}


def _publish(given: Json) -> Json:
    actions.publish(
        given["announcement"],
        audience=given["audience"],
        title=(given["title_zh"], given["title_en"]),
        text=(given["text_zh"], given["text_en"]),
        from_day=date.fromisoformat(given["from_day"]),
        to_day=date.fromisoformat(given["to_day"]),
    )
    return {}


def _ended(given: Json, before: Json) -> Json:
    """What is ended already stays so. Raises AnnouncementUnknown."""
    last = before["announcement"]
    if last is None:
        raise AnnouncementUnknown(given["announcement"][:40])
    return (
        before if last["ended"] else {"announcement": last | {"version": last["version"] + 1, "ended": True}}
    )


def _end(given: Json) -> Json:
    actions.end(given["announcement"])
    return {}


_ACTIONS = (
    Action(
        name="announcement.set",
        zh="发布或修改公告（有期限）",
        en="announce something to people or partners, for a time",
        fields={
            "announcement": (str, REQUIRED),
            "audience": (str, REQUIRED),
            **dict.fromkeys((*LONGEST, *_DAYS), (str, REQUIRED)),
        },
        normal=_complete,
        look=_look,
        after=_after,
        execute=_publish,
    ),
    Action(
        name="announcement.end",
        zh="提前结束公告",
        en="end an announcement before its time",
        fields={"announcement": (str, REQUIRED)},
        look=_look,
        after=_ended,
        execute=_end,
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
