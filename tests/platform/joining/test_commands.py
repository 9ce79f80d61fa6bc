"""Joining on the command line: an application entered, reviewed and decided by three, and what is refused there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.platform.joining import applicants
from tests.platform.review.shell import sign_in

from abate.cli import party, proposals
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.joining import queries
from abate.platform.joining.models import Application
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
FILE = """code = "made-up-rides"
kind = "data_provider"
title_zh = "虚构骑行"
title_en = "Made-up Rides"
registration = "{registration}"
contact_name = "经办人"
contact = "joining@example.org"
grants = ["data"]
behaviours = ["walking"]
"""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))
    (tmp_path / "applicant.toml").write_text(
        FILE.format(registration=applicants.registration()), encoding="utf-8"
    )
    for kind in ("registration", "qualification", "privacy", "security"):
        (tmp_path / f"{kind}.pdf").write_bytes(applicants.PDF + kind.encode())
    return tmp_path


def run(module: Any, *arguments: object) -> Result:
    return CliRunner().invoke(module.command, [str(one) for one in arguments])


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.output + result.stderr
    return json.loads(result.stdout)


def papers(here: Path, *but: str) -> list[str]:
    kinds = [kind for kind in ("registration", "qualification", "privacy", "security") if kind not in but]
    return [
        word for kind in kinds for word in ("--document", f"{kind}={here / kind}.pdf@{applicants.later()}")
    ]


@pytest.mark.clause("P-6.1-d")
def test_an_operator_enters_an_application_and_three_people_decide(here: Path) -> None:
    people = desk.staffed()
    refused = run(party, "apply", here / "applicant.toml")
    assert refused.exit_code == 1 and "not-signed-in" in refused.stderr
    sign_in(people["check"])
    refused = run(party, "apply", here / "applicant.toml")
    assert refused.exit_code == 1 and "no-right" in refused.stderr and not Application.objects.exists()
    sign_in(people["entry"])
    made = said(run(party, "apply", here / "applicant.toml", *papers(here)))
    assert made["state"] == "submitted" and set(made["documents"].values()) == {"new"}
    number = made["application"]
    early = run(party, "admit", number, "--until", applicants.later(), "--why", "x")
    assert early.exit_code == 1 and "document-not-in-order" in early.stderr
    told = said(run(party, "review", number, "security", "--faulty", "unsigned"))
    assert told["documents"]["security"] == "faulty"
    for kind in told["documents"]:
        told = said(run(party, "review", number, kind))
    assert set(told["documents"].values()) == {"in_order"}
    proposal = said(run(party, "admit", number, "--until", applicants.later(), "--why", "read"))["proposal"]
    for role in ("check", "approve"):
        sign_in(people[role])
        said(run(proposals, role, proposal))
    assert Party.objects.get().status == "trial"
    assert said(run(party, "applications")) == [] and len(said(run(party, "applications", "--all"))) == 1


def test_what_lacks_a_document_stays_a_draft_and_a_wrong_report_is_refused(here: Path) -> None:
    sign_in(desk.staffed()["entry"])
    made = said(run(party, "apply", here / "applicant.toml", *papers(here, "privacy")))
    assert made["state"] == "draft" and made["documents"]["privacy"] == "missing"
    (here / "report.json").write_text("{}")
    party_ = applicants.admitted(code="made-up-other", registration=applicants.registration(5))
    refused = run(party, "report", party_.code, here / "report.json")
    assert refused.exit_code == 1 and "conformance-report-refused" in refused.stderr


def test_an_application_is_entered_with_all_its_papers_or_not_at_all(here: Path) -> None:
    sign_in(desk.staffed()["entry"])
    given = papers(here)
    (here / "security.pdf").write_bytes(b"no paper")
    refused = run(party, "apply", here / "applicant.toml", *given)
    assert refused.exit_code == 1 and "document-refused" in refused.stderr
    assert not Application.objects.exists(), "its code would be taken for the next call"
    (here / "security.pdf").write_bytes(applicants.PDF)
    assert said(run(party, "apply", here / "applicant.toml", *given))["state"] == "submitted"


def test_quality_notices_and_leaving(here: Path) -> None:
    party_ = applicants.admitted()
    assert said(run(party, "quality", "2026-01")) == []
    people = desk.staffed()
    sign_in(people["entry"])
    told = said(
        run(party, "notice", party_.code, "Late", "Since Monday.", "--answer-by", applicants.later(7))
    )
    assert queries.notice(told["notice"]).state == "open"
    stopped = run(party, "leave", party_.code, "--why", "its wish")
    assert stopped.exit_code == 1 and "party-not-settled" in stopped.stderr and "notices: 1" in stopped.stderr
    proposal = said(run(party, "leave", party_.code, "--despite", "--why", "its wish"))["proposal"]
    for role in ("check", "approve"):
        sign_in(people[role])
        said(run(proposals, role, proposal))
    party_.refresh_from_db()
    assert party_.status == "left"
