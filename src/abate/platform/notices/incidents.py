"""The words by which people are told of an incident with their data: a file of the operator's, in both languages."""

from __future__ import annotations

import tomllib
from datetime import date

from abate.platform.doors import clock
from abate.platform.doors.words import on_one_line
from abate.platform.notices.errors import IncidentUnfit
from abate.platform.notices.models import Incident

SAID = ("happened", "data", "follows", "done", "advice")
"""What PIPL article 57 asks to be told, each as `NAME_zh` and `NAME_en`; beside them `contact` and `since`, a day."""
_TEXTS = (*(f"{name}_{language}" for name in SAID for language in ("zh", "en")), "contact")
LONGEST = 1000
"""Characters of each text: our policy."""
_LONGEST_NUMBER = 20


def read(number: str, text: str) -> Incident:
    """The incident that a TOML file tells of, not stored. Raises IncidentUnfit, naming the first field that is not in order."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise IncidentUnfit(str(fault)[:80]) from None
    if not (number.isalnum() and number.isascii() and len(number) <= _LONGEST_NUMBER):
        raise IncidentUnfit(f"number: 1 to {_LONGEST_NUMBER} letters and digits")
    for name in _TEXTS:
        words = given.get(name)
        if not isinstance(words, str) or not 1 <= len(words.strip()) <= LONGEST or not on_one_line(words):
            raise IncidentUnfit(f"{name}: 1 to {LONGEST} characters, on one line")
    since = given.get("since")
    if type(since) is not date or since > clock.today():
        raise IncidentUnfit("since: a day like 2026-07-01, not in the future")
    if unknown := sorted(set(given) - {*_TEXTS, "since"}):
        raise IncidentUnfit(f"{unknown[0][:40]}: not known")
    return Incident(number=number, since=since, **{name: given[name].strip() for name in _TEXTS})
