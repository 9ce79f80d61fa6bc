"""The changes of this room that need three people (review/changes.py): offers, and entries undone by hand."""

from __future__ import annotations

from uuid import UUID

from abate.bookkeeping.kinds import Kind
from abate.platform.doors import randomness
from abate.platform.incentives import actions
from abate.platform.incentives.errors import OfferUnknown
from abate.platform.incentives.models import Offer
from abate.platform.ledger import errors as ledger_errors
from abate.platform.ledger import queries as ledger
from abate.platform.ledger.models import Reversal
from abate.platform.parties import interest, tills
from abate.platform.parties import queries as parties
from abate.platform.people import queries as people
from abate.platform.review import changes
from abate.platform.review.changes import REQUIRED, Action, Json
from abate.platform.review.errors import ArgumentsMalformed

_TEXTS = ("title_zh", "title_en", "detail_zh", "detail_en", "price_credits", "valid_days", "made_up")


def _complete(given: Json) -> Json:
    """The offer's id is chosen with the proposal, so that what is checked is what is made."""
    # What people pay for at a party that no till can be at nobody could ever hand out. (P-6.2-types)
    tills.check_kind(parties.party(given["party"]))
    try:
        number = UUID(given["offer"]) if given["offer"] else randomness.new_uuid()
    except ValueError:
        raise ArgumentsMalformed("offer.create: offer") from None
    for name in ("from_at", "to_at"):
        changes.moment(given, name)
    return given | {"offer": str(number)}


def _offer(given: Json) -> Json:
    """The offer without its stock, which buyers move from the first moment."""
    found = Offer.objects.select_related("party").filter(id=given["offer"]).first()
    if found is None:
        return {"offer": None}
    told = {name: getattr(found, name) for name in _TEXTS}
    return {"offer": told | {"party": found.party.code}}


def _create(given: Json) -> Json:
    actions.create_offer(
        party_id=parties.party(given["party"]).pk,
        title=(given["title_zh"], given["title_en"]),
        detail=(given["detail_zh"], given["detail_en"]),
        price_credits=given["price_credits"],
        stock=given["stock"],
        valid_days=given["valid_days"],
        from_at=changes.moment(given, "from_at"),
        to_at=changes.moment(given, "to_at"),
        made_up=given["made_up"],
        offer_id=UUID(given["offer"]),
    )
    return {"offer": given["offer"]}


def _offer_stands(given: Json, after: Json) -> bool:
    """The offer as it was decided: nobody changes its terms, and who wants others makes another. (Stock: reconcile.sql.)"""
    span = {name: changes.moment(given, name) for name in ("from_at", "to_at")}
    held = Offer.objects.filter(id=given["offer"], **span).exists()
    return held and changes.still(after, _offer(given))


def _named(given: Json) -> Json:
    try:
        return given | {"offer": str(UUID(given["offer"]))}
    except ValueError:
        raise ArgumentsMalformed("offer.end: offer") from None


def _listed(given: Json) -> Json:
    """The offer, and whether it is on the list; a party that left took its own off. Raises OfferUnknown."""
    found = Offer.objects.filter(id=given["offer"]).first()
    if found is None:
        raise OfferUnknown
    return _offer(given) | {"listed": found.active}


def _end(given: Json) -> Json:
    actions.end_offer(UUID(given["offer"]))
    return {}


def _person(given: Json) -> int:
    found = people.by_pseudonym(given["person"])
    if found is None:
        raise ledger_errors.NoPerson(given["person"][:40])
    return found


def _entry(given: Json) -> Json:
    person = _person(given)
    found = ledger.entry(person, given["entry"])
    if found is None:
        raise ledger_errors.NoEntry(str(given["entry"]))
    undone = Reversal.objects.filter(person_id=person, entry_id=found.id).exists()
    return {
        "kind": Kind(found.kind).name.lower(),
        "carbon_mg": found.carbon_mg,
        "credits": found.credits,
        "reversed": undone,
    }


def _reverse(given: Json) -> Json:
    actions.reverse(_person(given), given["entry"], given["reason"])
    return {}


_ACTIONS = (
    Action(
        name="offer.create",
        zh="上架权益",
        en="put an offer on the list",
        fields={
            "party": (str, REQUIRED),
            "title_zh": (str, REQUIRED),
            "title_en": (str, REQUIRED),
            "detail_zh": (str, REQUIRED),
            "detail_en": (str, REQUIRED),
            "price_credits": (int, REQUIRED),
            "stock": (int, REQUIRED),
            "valid_days": (int, REQUIRED),
            "from_at": (str, REQUIRED),
            "to_at": (str, REQUIRED),
            "made_up": (bool, False),
            "offer": (str, ""),
        },
        normal=_complete,
        look=_offer,
        after=lambda given, _: {"offer": {name: given[name] for name in (*_TEXTS, "party")}},
        execute=_create,
        stands=_offer_stands,
        concerns=lambda given, human: interest.has_part(given["party"], human),
    ),
    Action(
        name="offer.end",
        zh="下架权益",
        en="take an offer off the list",
        fields={"offer": (str, REQUIRED)},
        normal=_named,
        look=_listed,
        after=lambda _, before: before | {"listed": False},
        execute=_end,
        concerns=lambda given, human: interest.has_part(_listed(given)["offer"]["party"], human),
    ),
    Action(
        name="entry.reverse",
        zh="人工冲正分录",
        en="undo an entry by hand",
        fields={"person": (str, REQUIRED), "entry": (int, REQUIRED), "reason": (str, REQUIRED)},
        look=_entry,
        after=lambda _, before: before | {"reversed": True},
        execute=_reverse,
        concerns=lambda given, human: people.has_part(_person(given), human),
    ),
)


def register() -> None:
    """Called once, when Django has started."""
    for action in _ACTIONS:
        changes.register(action)
