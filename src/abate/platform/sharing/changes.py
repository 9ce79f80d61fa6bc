"""The change of this room that needs three people (review/changes.py): the answer to a request."""

from __future__ import annotations

from uuid import UUID

from abate.platform.events import sources
from abate.platform.parties import interest
from abate.platform.parties import queries as parties
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed
from abate.platform.sharing import actions, editions, people, queries
from abate.platform.sharing.models import PEOPLE, Decision
from abate.platform.sharing.queries import RequestRow


def _complete(given: Json) -> Json:
    try:
        number = UUID(given["request"])
    except ValueError:
        raise ArgumentsMalformed("sharing.answer: request") from None
    queries.request(number)
    return given | {"request": str(number)}


def _asker(given: Json) -> str:
    return parties.codes().get(queries.request(UUID(given["request"])).party_id, "")


def _look(given: Json) -> Json:
    """All that was asked, so that it stands before whoever checks."""
    found = queries.request(UUID(given["request"]))
    return {
        "party": parties.codes().get(found.party_id, ""),
        "purpose": found.purpose,
        "kind": found.kind,
        "ground": found.ground,
        "about": found.about,
        "contact": found.contact,
        "behaviours": list(found.behaviours),
        "fields": list(found.fields),
        "months": [found.from_month.isoformat()[:7], found.to_month.isoformat()[:7]],
        "until": found.until.isoformat(),
        "state": found.state,
        "not_shared": _not_shared(found),
    }


def _not_shared(found: RequestRow) -> list[str]:
    """The sources that keep groups of the months asked for from this request: by the versions under which the data in them
    came, and, while a month's edition can still change, by the terms in force. Of people: whose terms keep any from it."""
    if found.about == PEOPLE:
        return people.left_out(found)
    codes = parties.codes()
    months = actions.months_of(found.from_month, found.to_month)
    known = {one.id: one for one in sources.newest()}
    if not known:
        return []
    if editions.all_made(months):
        known = {}
    known |= sources.of_versions(editions.versions(months, found.behaviours))
    closed = [one for one in known.values() if not one.shares(codes[found.party_id], found.kind)]
    return sorted({f"{codes[one.party_id]}/{one.code}" for one in closed})


def _answer(given: Json) -> Json:
    actions.answer(UUID(given["request"]), given["granted"], given["reason"])
    return {}


_ACTIONS = (
    Action(
        name="sharing.answer",
        zh="答复数据共享申请",
        en="answer a request for data",
        fields={"request": (str, REQUIRED), "granted": (bool, REQUIRED), "reason": (str, "")},
        normal=_complete,
        look=_look,
        after=lambda given, before: (
            before | {"state": Decision.GRANTED if given["granted"] else Decision.REFUSED}
        ),
        execute=_answer,
        concerns=lambda given, human: interest.has_part(_asker(given), human),
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
