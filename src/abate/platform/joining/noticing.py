"""Notices to parties about their data: written by the operator, answered by the party, closed by the operator. (P-6.1-e)"""

from __future__ import annotations

import json
from datetime import date

from django.db import transaction

from abate.platform.doors import clock
from abate.platform.doors.words import on_one_line
from abate.platform.joining.errors import NoticeClosed, NoticeMalformed, NoticeUnknown
from abate.platform.joining.models import Notice, NoticeStep
from abate.platform.joining.queries import NoticeRow, notice, of_party
from abate.platform.notices import actions as outbox
from abate.platform.parties import interest, webhooks
from abate.platform.parties.models import Party
from abate.platform.review import audit
from abate.platform.review import queries as accounts
from abate.platform.review.audit import audited
from abate.platform.review.errors import ConcernsOneself
from abate.platform.review.models import User

LONGEST = 2_000


def open_notice(party: Party, subject: str, text: str, answer_by: date, user: User | None) -> Notice:
    """Tell a party of something about its data; it is told by webhook too. Raises NoticeMalformed, and ConcernsOneself where
    `user` has a part in the party, which is told."""
    _by_another("party.notice", party, user)
    return _open(party, subject, text, answer_by, user)


def _by_another(what: str, party: Party, user: User | None) -> None:
    """What the platform asks of a party, and whether its answer settles it, is nobody's of the party to say."""
    human = accounts.human_of(user) if user else None
    with audit.refusing(what, party.code, (ConcernsOneself,)):
        if human is not None and interest.has_part(party.code, human):
            raise ConcernsOneself


@audited("party.notice", lambda given, made: f"{given['party'].code} {made.pk}")
def _open(party: Party, subject: str, text: str, answer_by: date, user: User | None) -> Notice:
    if not 0 < len(subject.strip()) <= 120 or not on_one_line(subject):
        raise NoticeMalformed("subject")
    if answer_by < clock.today():
        raise NoticeMalformed("answer_by")
    with transaction.atomic():
        made = Notice.objects.create(
            party=party,
            subject=subject.strip(),
            text=_text(text),
            answer_by=answer_by,
            at=clock.now(),
            user=user,
        )
        _tell(made, "notice.opened")
    return made


def answer(number: int, party_id: int, text: str, by: User | str) -> NoticeRow:
    """The party's answer, by an account or by a key (its client id).

    Raises NoticeUnknown (another party's too), NoticeClosed, NoticeMalformed.
    """
    return _step(number, NoticeStep.ANSWERED, text, by, ("open", "answered"), party_id)


def close(number: int, text: str, user: User) -> NoticeRow:
    """What was answered settles it. Raises NoticeUnknown, NoticeClosed, NoticeMalformed, and ConcernsOneself as open_notice."""
    _by_another(f"party.notice.{NoticeStep.CLOSED}", _party_of(number), user)
    return _step(number, NoticeStep.CLOSED, text, user, ("answered",))


def reopen(number: int, text: str, user: User) -> NoticeRow:
    """It does not. Raises NoticeUnknown, NoticeClosed, NoticeMalformed, and ConcernsOneself as open_notice."""
    _by_another(f"party.notice.{NoticeStep.REOPENED}", _party_of(number), user)
    return _step(number, NoticeStep.REOPENED, text, user, ("answered", "closed"))


def _party_of(number: int) -> Party:
    found = Notice.objects.select_related("party").filter(pk=min(number, 2**63 - 1)).first()
    if found is None:
        raise NoticeUnknown(str(number)[:20])
    return found.party


def _step(
    number: int, kind: str, text: str, by: User | str, before: tuple[str, ...], party_id: int | None = None
) -> NoticeRow:
    with transaction.atomic():
        found = Notice.objects.filter(pk=min(number, 2**63 - 1)).first()
        if found is None or party_id not in (None, found.party_id):
            raise NoticeUnknown(str(number)[:20])
        # Steps of one party follow one another. Its row is locked: a notice's own, being append-only, cannot be.
        Party.objects.select_for_update().get(pk=found.party_id)
        state = notice(found.pk).state
        if state not in before:
            raise NoticeClosed(state)
        who = {"client_id": by} if isinstance(by, str) else {"user": by}
        NoticeStep.objects.create(notice=found, kind=kind, text=_text(text), at=clock.now(), **who)
        audit.note(f"party.notice.{kind}", found.pk)
        if kind != NoticeStep.ANSWERED:
            _tell(found, f"notice.{kind}")
    return notice(found.pk)


def _tell(made: Notice, kind: str) -> None:
    data = {"notice": made.pk, "subject": made.subject, "answer_by": made.answer_by.isoformat()}
    body = json.dumps({"type": kind, "timestamp": clock.now().isoformat(), "data": data}, ensure_ascii=False)
    webhooks.note(made.party_id, [(kind, body)], clock.now())
    one = of_party(made.party_id)
    # What is closed asks for nothing any more.
    if one is not None and kind != "notice.closed":
        outbox.write([one.user_id], "party.notice", number=made.pk, day=made.answer_by)


def _text(text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST or "\0" in text:
        raise NoticeMalformed("text")
    return text.strip()
