"""`abate doctor` names what is wrong with its remedy, and sees a planted fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from abate.demo import desk
from abate.platform.carbon import actions as carbon
from abate.platform.config import doctor, grants
from abate.platform.doors import keyring
from abate.platform.review import actions, rights
from abate.quantify import catalogue

pytestmark = pytest.mark.platform
# The private server of the tests, so that none is begun for one look.
STANDS = """
from abate.platform.doors import database
database.private_postgres.exists = lambda folder: True
database.private_postgres.start = lambda folder: {address!r}
database.private_postgres.address = lambda folder, user="": {address!r}
database.logins.admit = lambda cursor, login: None
from abate.cli.main import main
main()
"""


def states(findings: list[doctor.Finding]) -> dict[str, str]:
    return {f.name: f.state for f in findings}


@pytest.mark.django_db
def test_a_migrated_database_with_its_grants_is_sound() -> None:
    grants.apply_grants(connection)
    found = states(list(doctor.schema()) + list(doctor.server()))
    assert found["schema"] == found["grants"] == found["database synchronous_commit"] == "ok"


@pytest.mark.django_db
def test_a_database_that_waits_for_no_disk_is_a_fault(fsync: Callable[[str], None]) -> None:
    def told(value: str) -> str:
        fsync(value)
        return states(list(doctor.server()))["database fsync"]

    assert (told("on"), told("off")) == ("ok", "fault")


@pytest.mark.django_db
def test_it_sees_a_table_that_was_opened() -> None:
    grants.apply_grants(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT UPDATE ON ledger_entry TO {grants.ROLE}")
    assert states(list(doctor.schema()))["grants"] == "fault"


@pytest.mark.django_db
def test_every_finding_that_is_not_ok_has_a_remedy(settings: pytest.FixtureRequest) -> None:
    assert all(f.remedy for f in doctor.examine() if f.state != "ok")


@pytest.mark.django_db
def test_an_illustration_outside_the_demo_is_a_fault(settings) -> None:  # type: ignore[no-untyped-def]
    settings.ABATE_OPERATOR_PACK, settings.ABATE_DEMO = "demo", False
    assert states(list(doctor.methods()))["operator pack"] == "fault"


@pytest.mark.django_db
def test_too_few_people_for_the_steps_of_an_anomaly_are_named() -> None:
    def told() -> list[tuple[str, str]]:
        found = [one for one in doctor.methods() if one.name == "anomaly reviewers"]
        return [(one.state, one.what) for one in found]

    assert told() == [], "nothing is said of a system that is not open"
    desk.staffed()
    while rights.humans("change", "anomalies") < 3:
        count = rights.humans("change", "anomalies")
        ((state, what),) = told()
        assert (
            state == "warning" and ("confirmed" in what) == (count < 2) and ("appeal" in what) == (count == 2)
        )
        if count == 1:
            again = actions.create_user("staff", made_up=True)
            actions.enrol_digest(again, bytes(desk.staffed()["entry"].staff.human_id))
            actions.grant(again, "entry")
            assert rights.humans("change", "anomalies") == 1, "two accounts of one person are one person"
        desk.hire(f"made-up reviewer {count}", "entry")
    assert told() == [("ok", "3 people may decide on anomalies.")]


@pytest.mark.django_db
def test_where_no_rule_looks_nobody_has_to_decide(settings) -> None:  # type: ignore[no-untyped-def]
    desk.staffed()
    settings.ABATE_ANOMALIES = "none"
    assert "anomaly reviewers" not in states(list(doctor.methods()))


def test_a_methodology_edited_after_publication_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "methods"
    shutil.copytree(catalogue.SHIPPED, folder)
    file = folder / "walking" / "v1.yaml"
    file.write_text(file.read_text("utf-8").replace('value: "10"', 'value: "11"'), "utf-8")
    read = catalogue.load
    monkeypatch.setattr(doctor.catalogue, "load", lambda: read(folder))
    (found,) = doctor.methods()
    assert found.state == "fault" and "walking version 1 is published and was edited" in found.what
    assert "write v2.yaml" in found.remedy


def test_an_operator_whom_people_are_not_told_of_is_named(settings) -> None:  # type: ignore[no-untyped-def]
    settings.ABATE_OPERATOR_NAME, settings.ABATE_OPERATOR_CONTACT = "A made-up operator", ""
    assert states(list(doctor.transport()))["operator"] == "warning"
    settings.ABATE_OPERATOR_CONTACT = "privacy@operator.example"
    assert states(list(doctor.transport()))["operator"] == "ok"


@pytest.mark.django_db
def test_what_is_not_in_force_is_named(settings: Any) -> None:
    """As after a restore without the settings: every event is refused, and nothing said why."""
    carbon.adopt()
    (sound,) = [one for one in doctor.examine() if one.name == "in force"]
    assert sound.state == "ok"
    settings.ABATE_ZONE = "Asia/Tokyo"
    (apart,) = [one for one in doctor.examine() if one.name == "in force"]
    assert apart.state == "warning" and "zone: Asia/Shanghai -> Asia/Tokyo" in apart.what
    assert "basis.adopt" in apart.remedy
    settings.ABATE_GRADE_FLOOR = "measured"
    (wrong,) = [one for one in doctor.examine() if one.name == "in force"]
    assert wrong.state == "fault" and "official-cn" in wrong.remedy


def test_the_demos_secrets_are_a_fault(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.ABATE_SECRET_FILE, settings.ABATE_DEMO = str(tmp_path / "secrets.json"), False
    keyring.create(tmp_path / "secrets.json", demo=True)
    assert states(list(doctor.secrets()))["secret file"] == "fault"


def test_the_command_says_when_nothing_is_set_up(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-m", "abate", "doctor", "--data-dir", str(tmp_path / "none")],
                            capture_output=True, text=True, check=False, env={**os.environ})  # fmt: skip
    assert result.returncode == 1 and "abate serve" in result.stderr


def test_the_command_prints_json_and_its_exit_code_says_whether_to_act(
    postgres_url: str, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": postgres_url,
        "ABATE_SECRET_FILE": str(tmp_path / "none.json"),
    }
    result = subprocess.run([sys.executable, "-m", "abate", "doctor", "--json", "--data-dir", str(tmp_path)],
                            capture_output=True, text=True, check=False, env=environment)  # fmt: skip
    findings = json.loads(result.stdout)
    assert result.returncode == 1
    assert any(f["state"] == "fault" and f["name"] == "secret file" for f in findings)


def test_it_looks_at_the_private_database_that_the_set_up_wrote_down(
    postgres_url: str, tmp_path: Path
) -> None:
    (tmp_path / "settings.env").write_text("DATABASE_URL=embedded\n")
    (tmp_path / "settings.env").chmod(0o600)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DATABASE_"))}
    program = STANDS.format(address=postgres_url)
    result = subprocess.run([sys.executable, "-c", program, "doctor", "--json", "--data-dir", str(tmp_path)],
                            capture_output=True, text=True, check=False, env=kept)  # fmt: skip
    assert result.stdout, result.stderr
    assert "database kind" in {f["name"] for f in json.loads(result.stdout)}
