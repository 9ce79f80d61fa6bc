"""A conformance report counts on live only where the sandbox signed it, of this party, fresh and whole."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.joining.applicants import PARTICULARS, admitted
from tests.platform.joining.test_notices_interface import bearer
from tests.platform.web import city as stage

from abate.bookkeeping import checkpoint
from abate.client.conformance import LINES, REFUSED
from abate.platform.carbon.models import Basis, Kept
from abate.platform.doors import clock, keyring
from abate.platform.events.models import Batch, Refusal, Seen, Withdrawal
from abate.platform.joining import actions, conformance
from abate.platform.joining.errors import ReportRefused, SandboxUnknown
from abate.platform.joining.models import Report, Run
from abate.platform.parties.errors import NotASandbox
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
RUN = "0123abcd"
OWN_LINES = {f"own-{name}" for name in PARTICULARS.behaviours}


def lines(**changes: bool) -> list[dict[str, object]]:
    return [
        {"name": name, "passed": changes.get(name, True)} for name in sorted({*LINES, *changes, *OWN_LINES})
    ]


def leave_traces(party: Party, *, events: int = 14, kinds: tuple[int, ...] = (1, 2), but: str = "") -> None:
    """The rows that a run leaves in a sandbox's books."""
    batch = Batch.objects.create(
        party_id=party.pk, via="http", received_at=clock.now(), body_sha256=b"x", count=1, client_id="k"
    )
    Seen.objects.bulk_create(
        Seen(
            person_id=1,
            batch_id=batch.pk,
            party_id=party.pk,
            place=n,
            event_id=f"check-{RUN}-{n}",
            digest=b"x",
        )
        for n in range(events)
    )
    for place, behaviour in enumerate(PARTICULARS.behaviours):
        basis, _ = Basis.objects.get_or_create(
            key=behaviour.encode(), behaviour=behaviour, version=1, method_hash=b"", factors="", factors_hash=b"",
            grade_floor="standard", defaults={"first_used_at": clock.now()},
        )  # fmt: skip
        Kept.objects.create(
            person_id=1, batch_id=batch.pk, place=place, party_id=party.pk, event_id=f"check-{RUN}-{place}",
            occurred_at=clock.now(), day=clock.today(), basis_id=basis.pk, outcome=6, record="{}",
        )  # fmt: skip
    for kind in kinds:
        Withdrawal.objects.create(
            party_id=party.pk, event_id=f"check-{RUN}-{kind}", by_id=f"by-{kind}", kind=kind, cause="returned",
            person_id=1, batch_id=batch.pk, decided_at=clock.now(), at=clock.now(),
        )  # fmt: skip
    for code in REFUSED - {but}:
        Refusal.objects.create(
            batch_id=batch.pk,
            party_id=party.pk,
            event_id=f"check-{RUN}-90",
            at=clock.now(),
            code=code,
            detail="",
        )


@pytest.fixture
def party(db: None) -> Party:
    return admitted()


@pytest.fixture
def trusted(settings: Any) -> Any:
    """Live, and this installation's own key stands for the sandbox's."""
    ring = keyring.keyring()
    settings.ABATE_SANDBOX_KEY = str(checkpoint.key_of(ring.log_origin, ring.log_signing))
    return settings


def report(party: Party, settings: Any) -> dict[str, str]:
    settings.ABATE_SANDBOX = True
    leave_traces(party)
    made = conformance.attest(party.pk, party.code, {"run": RUN, "lines": lines()})
    settings.ABATE_SANDBOX = False
    return made


@pytest.mark.clause("P-6.1-d")
def test_a_report_ends_the_trial_and_the_same_again_changes_nothing(party: Party, trusted: Any) -> None:
    file = json.dumps(report(party, trusted)).encode()
    for _ in range(2):
        actions.take_report(party, file)
        assert party.status == "active" and Report.objects.count() == 1
    assert Report.objects.get().run == RUN


@pytest.mark.clause("P-6.1-d", "P-6.2")
def test_a_report_that_tried_less_than_the_party_sends_is_refused_and_says_what(trusted: Any) -> None:
    """A run of meetings shows nothing of trips."""
    party = admitted(behaviours=("cycling", *PARTICULARS.behaviours))
    file = json.dumps(report(party, trusted)).encode()
    with pytest.raises(ReportRefused) as refused:
        actions.take_report(party, file)
    assert refused.value.detail == "missing: own-cycling"
    party.refresh_from_db()
    assert party.status == "trial" and not Report.objects.exists()


@pytest.mark.parametrize(
    ("spoil", "needle"),
    [
        (lambda said: said | {"party": "made-up-other"}, "signature"),
        (lambda said: said | {"events": 99}, "signature"),
    ],
)
def test_a_report_that_was_changed_is_refused(party: Party, trusted: Any, spoil: Any, needle: str) -> None:
    made = report(party, trusted)
    text = json.dumps(spoil(json.loads(made["statement"])), sort_keys=True, separators=(",", ":"))
    with pytest.raises(ReportRefused, match=needle):
        actions.take_report(party, json.dumps(made | {"statement": text}).encode())
    party.refresh_from_db()
    assert party.status == "trial"


def test_a_report_of_another_party_an_old_one_and_no_report_are_refused(party: Party, trusted: Any) -> None:
    file = json.dumps(report(party, trusted)).encode()
    other = admitted(code="made-up-other", registration=applicants.registration(9))
    with pytest.raises(ReportRefused, match="party"):
        actions.take_report(other, file)
    for days, seconds in ((14, 1), (-1, 0)):
        moment = clock.now() + timedelta(days=days, seconds=seconds)
        with clock.frozen(moment), pytest.raises(ReportRefused, match="stale"):
            actions.take_report(party, file)
    for wrong in (b"", b"[]", b"{}", b'{"statement":"{}","signature":""}', b"x" * 70_000, b"[" * 50_000):
        with pytest.raises(ReportRefused, match="form"):
            actions.take_report(party, wrong)
    forged = json.loads(file) | {"signature": base64.b64encode(bytes(64)).decode()}
    with pytest.raises(ReportRefused, match="signature"):
        actions.take_report(party, json.dumps(forged).encode())
    assert not Report.objects.exists()


def test_without_a_known_sandbox_nothing_counts_and_the_one_beside_is_known(
    party: Party, settings: Any
) -> None:
    settings.ABATE_SANDBOX_KEY = None
    made = json.dumps(report(party, settings)).encode()
    with pytest.raises(SandboxUnknown):
        actions.take_report(party, made)
    beside = Path(django_settings.ABATE_DATA_DIR) / "sandbox" / "secrets.json"
    beside.parent.mkdir()
    try:
        keyring.create(beside, log_origin="abate.test/sandbox")
        with pytest.raises(ReportRefused, match="signature"):
            actions.take_report(party, made)
        beside.unlink()
        beside.write_bytes(Path(django_settings.ABATE_SECRET_FILE).read_bytes())
        beside.chmod(0o600)
        actions.take_report(party, made)
    finally:
        beside.unlink()
        beside.parent.rmdir()
    assert party.status == "active"


def test_live_signs_no_run(party: Party, settings: Any) -> None:
    settings.ABATE_SANDBOX = False
    with pytest.raises(NotASandbox):
        conformance.attest(party.pk, party.code, {"run": RUN, "lines": lines()})


@pytest.mark.parametrize(
    ("traces", "told", "needle"),
    [
        ({}, {"lines": lines(good=False)}, "failed: good"),
        ({}, {"lines": lines()[1:]}, f"missing: {min(LINES)}"),
        ({}, {"run": "%"}, "run"),
        ({}, {"run": "ffffffff"}, "saw 0 events"),
        ({"events": 11}, {}, "saw 11 events"),
        ({"kinds": (1,)}, {}, "no correction"),
        ({"but": "future"}, {}, "refused nothing as future"),
    ],
)
def test_the_sandbox_signs_only_what_its_own_books_show(
    party: Party, settings: Any, traces: Any, told: Any, needle: str
) -> None:
    settings.ABATE_SANDBOX = True
    leave_traces(party, **traces)
    with pytest.raises(ReportRefused, match=needle):
        conformance.attest(party.pk, party.code, {"run": RUN, "lines": lines()} | told)


@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
def test_a_report_with_a_sign_that_no_table_holds_is_refused(db: None, settings: Any, sign: str) -> None:
    settings.ABATE_SANDBOX = True
    party = stage.build().partner
    leave_traces(party)
    told = {"run": RUN, "lines": [{**lines()[0], "expected": f"a{sign}b"}, *lines()[1:]]}
    answer = Client().post(
        "/v1/conformance", json.dumps(told), content_type="application/json", headers=bearer(party)
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "conformance-report-refused"), answer.content
    assert not Run.objects.exists()


def test_a_statement_of_half_a_sign_is_no_statement(party: Party, trusted: Any) -> None:
    text = json.dumps(json.loads(report(party, trusted)["statement"]))[:-1] + ',"more":"\ud800"}'
    file = json.dumps({"statement": text, "signature": "AAAA"}).encode()
    with pytest.raises(ReportRefused, match="form"):
        conformance.verified(party.code, file)
