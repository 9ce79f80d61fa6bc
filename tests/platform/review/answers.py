"""What each address answers, to the letter, to whoever may ask (answers.csv) and to whoever may not.

answers.csv: `who` is a role, `staff`, a person, acceptor, partner or applicant, `nobody` (not signed in), `other` (signed in
and of no role), or empty for the rest of those who may; `answer` is a status and the refusal's code or where it leads to.
A page that is looked at and has no line shows itself (200). Many lines are refusals of their own: what is sent by the matrix is
empty, and what is asked for by number is mostly not there. Each of them stands behind the door that is tried here: a
right too many or too few changes the answer.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from django.http import HttpResponse
from tests.platform.review.callers import SUSPENDED

from abate.platform.web.gate import Line, lines

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Answer(NamedTuple):
    """`word`: the code of the problem that it refuses with, or else the path that it leads to, an id in it as `ID`."""

    status: int
    word: str = ""


def told(answer: HttpResponse) -> Answer:
    code, _ = getattr(answer, "abate_refused", ("", 0))
    return Answer(answer.status_code, code or _UUID.sub("ID", urlsplit(answer.get("Location", "")).path))


@lru_cache(maxsize=1)
def table() -> dict[tuple[str, str, str], Answer]:
    """(endpoint, method, who) -> answer. Raises ValueError for one that is told twice."""
    found: dict[tuple[str, str, str], Answer] = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            status, _, word = row["answer"].partition(" ")
            at = row["endpoint"], row["method"], row["who"]
            if at in found:
                raise ValueError(f"answers.csv: {at} is there twice")
            found[at] = Answer(int(status), word)
    return found


# The statement about another's thing: as if it were not there.
_NOT_THERE = {
    "disclosure": "sharing-not-asked",
    "disclosure-agree": "sharing-not-asked",
    "disclosure-withdraw": "sharing-not-asked",
    "groups-agree": "membership-unknown",
    "groups-leave": "membership-unknown",
    "withdraw": "authorisation-unknown",
}
# RFC 6749 and 6750 say what is answered without a key's secret, or without a token.
_OAUTH = {"idp:oidc:token": 400, "idp:oidc:revoke": 400, "idp:oidc:userinfo": 401}


def seen_as(who: str, state: str) -> tuple[str, ...]:
    """As whom the table may name a caller of test_matrix.py in a state, the nearest first."""
    if who == "stranger" or state == "closed":
        return ("nobody",)
    if who in ("person", "applicant"):
        return (who,)
    if state == "role-ended" or (who, state) == ("partner", SUSPENDED):
        return ("other",)
    return (who,) if who in ("acceptor", "partner") else (who, "staff")


def to_who_may(name: str, method: str, seen: tuple[str, ...]) -> Answer | None:
    """`seen`: as whom the table may name the asker, the nearest first. None where nothing is said of it."""
    method = "GET" if method == "HEAD" else method
    for who in (*seen, ""):
        if found := table().get((name, method, who)):
            return found
    return Answer(200) if method == "GET" else None


def about_another_s(name: str) -> Answer:
    return Answer(404, _NOT_THERE.get(name, "not-found"))


def by_standing(name: str, method: str, who: str, state: str) -> Answer | None:
    """A till whose party may take part no more is told so where it burns. None where standing has no word of its own."""
    if (name, who, state) == ("acceptor", "acceptor", SUSPENDED) and method in ("GET", "HEAD", "POST"):
        return Answer(403, SUSPENDED)
    return None


def to_who_may_not(name: str, method: str, *, signed_in: bool, one_factor: bool, has_right: bool) -> Answer:
    """`has_right`: whether the role has it, be the second factor shown or not."""
    line = lines().get((name, "GET" if method == "HEAD" else method))
    program = name.startswith("v1:")
    if line is None:
        known = any(name == one for one, _ in lines())
        return Answer(405, "method-not-allowed") if known else Answer(403, "no-right-declared")
    if refused := _by_the_gate(line, program, signed_in, one_factor, has_right):
        return refused
    if program and method == "HEAD":  # ninja's own operations answer none
        return Answer(405)
    if line.who == "verifier":
        return Answer(401, "log-token-needed")
    if line.who == "key":
        return Answer(_OAUTH[name]) if name in _OAUTH else Answer(401, "token-refused")
    if program:
        return Answer(401, "sign-in-first")
    return Answer(403, "not-for-this-account") if signed_in else Answer(302, "/sign-in")


def _by_the_gate(
    line: Line, program: bool, signed_in: bool, one_factor: bool, has_right: bool
) -> Answer | None:
    """What is refused before any view: only of somebody signed in; a stranger meets the view's own guard."""
    if not signed_in or line.who in ("key", "verifier", "anyone"):
        return None
    if line.who == "staff" and not has_right:
        return Answer(403, "no-right")
    if line.who == "staff" and one_factor:
        return Answer(403, "second-factor-missing") if program else Answer(302, "/security")
    if line.fresh and one_factor:
        return Answer(403, "fresh-proof-needed") if program else Answer(302, "/confirm")
    return None
