"""A real-name provider over HTTP: the question and the answer are signed, and neither is kept.

`ABATE_REAL_NAME_URL` is the adapter of whoever may ask the authority; `ABATE_REAL_NAME_KEY` names a file with the key
both sides hold (64 hexadecimal digits). A message is one line of JSON and one line with its HMAC-SHA256. The question:
`name`, `number`, `at` (RFC 3339), `nonce`. The answer: the same `nonce`, `passed`, and `reason` (`no-match`) where it is false;
where it is true, of the age one of `born` (RFC 3339 full-date) and `under_14` (true or false), for below 14 a guardian opens
the account. An answer that passes without either is none.
`ABATE_REAL_NAME_PARTY` names the party that answers: it is asked only while it is in standing and holds the grant to
identify users (P-6.2-types).
"""

from __future__ import annotations

from datetime import date

from django.conf import settings

from abate.platform.doors import clock, outbound, randomness
from abate.platform.doors.signed_lines import opened, setting, signed
from abate.platform.parties import queries as parties
from abate.platform.people.errors import REASONS, ProviderSilent
from abate.platform.people.identity import FormProvider, Verdict

TIMEOUT = 10.0
_MOST = 4096


class HttpProvider:
    """Asks the adapter at `ABATE_REAL_NAME_URL`. An authority in so far as that one is."""

    name = "http"

    def check(self, name: str, number: str) -> Verdict:
        """Raises ProviderSilent, and SetupError where address or key are not set."""
        # What cannot be a number is nobody's: it is not sent anywhere.
        by_form = FormProvider().check(name, number)
        if not by_form.passed:
            return Verdict(passed=False, provider=self.name, authority=False, reason=by_form.reason)
        party = settings.ABATE_REAL_NAME_PARTY
        if party and not parties.may_identify(party):
            raise ProviderSilent("the party that answers may not identify users, or is not in standing")
        address, key = setting("ABATE_REAL_NAME", settings.ABATE_REAL_NAME_URL, settings.ABATE_REAL_NAME_KEY)
        nonce = randomness.token_bytes(16).hex()
        question = {"name": name, "number": number, "at": clock.now().isoformat(), "nonce": nonce}
        try:
            status, answer = outbound.post(address, signed(question, key), timeout=TIMEOUT, most=_MOST)
        except outbound.Unanswered:
            raise ProviderSilent("no answer") from None
        if status != 200:
            raise ProviderSilent(f"status {status}")
        told = opened(answer, key)
        if told is None or told.get("nonce") != nonce or not isinstance(told.get("passed"), bool):
            raise ProviderSilent("the answer is not signed with the key, or answers another question")
        reason = "" if told["passed"] else str(told.get("reason"))
        if reason and reason not in REASONS:
            reason = "no-match"
        born, under_14 = _age(told) if told["passed"] else (None, None)
        return Verdict(told["passed"], self.name, authority=True, reason=reason, born=born, under_14=under_14)


def _age(told: dict[str, object]) -> tuple[date | None, bool | None]:
    """(`born`, `under_14`) of an answer that passed, at least one of them. Raises ProviderSilent."""
    born, mark = told.get("born"), told.get("under_14")
    try:
        day = None if born is None else date.fromisoformat(str(born))
    except ValueError:
        raise ProviderSilent("the birth date of the answer is none") from None
    if not (mark is None or isinstance(mark, bool)) or (day is None and mark is None):
        raise ProviderSilent("the answer says nothing of the age")
    if day is not None and day > clock.today():
        raise ProviderSilent("the birth date of the answer is in the future")
    return day, mark
