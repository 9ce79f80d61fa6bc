"""Whatever somebody sends as a file is scanned before it is kept or opened, by every way in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from tests.platform.doors import clamd
from tests.platform.doors.clamd import HARMFUL, LARGEST, NAME
from tests.platform.events.test_intake import token
from tests.platform.joining.applicants import PDF, admitted, draft, later
from tests.platform.pipeline.world import NOW, World, make_world
from tests.platform.web.test_files import kept, send

from abate.cli.load import load
from abate.platform import spool
from abate.platform.doors import clock, scanner
from abate.platform.events.models import File
from abate.platform.events.tables import KINDS
from abate.platform.joining import papers
from abate.platform.joining.models import Application, Document, Report
from abate.platform.parties import actions as parties
from abate.platform.parties import queries
from abate.platform.reconciliation.models import File as Compared
from abate.platform.review import actions as review
from abate.platform.review.models import Audit
from abate.platform.web import intake

pytestmark = pytest.mark.platform
Enter = Callable[..., Client]
DOCS = Path(__file__).resolve().parents[3] / "docs/howto"
ROWS = b"id,subject,time,behaviour\n"
PAGE = {"accept-language": "en"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with clamd.running() as found:
        yield found


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Path, address: str) -> Iterator[World]:
    settings.ABATE_DATA_DIR, settings.ABATE_SCANNER = str(tmp_path), address
    with clock.frozen(NOW):
        yield make_world(1)
    for _ in range(8):
        intake.pool.submit(lambda: connection.close()).result()


def test_the_pages_say_what_is_taken() -> None:
    files, join = ((DOCS / name).read_text("utf-8") for name in ("files.md", "join.md"))
    for ending in KINDS:
        assert f"`{ending}`" in files
    assert f"At most {spool.LARGEST // 1024**2} MiB a file" in files
    assert f"PDF, PNG or JPEG, {papers.LARGEST // 10**6} MB each" in join
    for refusal in (scanner.FileHarmful, scanner.ScannerAway):
        assert f"`{refusal.code}`" in files and f"`{refusal.code}`" in join
    assert f"`{scanner.FileNotScanned.code}`" in files


def told(door: str) -> list[str]:
    """What the trail says of refusals at a door: whole rows."""
    rows = Audit.objects.filter(what=f"door.{door}", act="refused").order_by("id")
    return [f"{row.account} {row.subject} {row.detail}" for row in rows]


def test_a_file_by_key(world: World, settings: Any, tmp_path: Path) -> None:
    bearer = token(world)
    taken = send(ROWS, bearer)
    assert taken.status_code == 202 and len(kept()) == 1
    harmful = send(ROWS + HARMFUL, bearer)
    assert harmful.status_code == 422 and harmful.json()["type"].endswith("/file-harmful")
    assert NAME in harmful.json()["detail"] and harmful.json()["title"]
    (row,) = told("files")
    assert "file-harmful" in row and bearer.removeprefix("token-") in row
    large = send(ROWS * (LARGEST // len(ROWS) + 2), bearer)
    assert large.status_code == 413 and large.json()["type"].endswith("/file-not-scanned")
    settings.ABATE_SCANNER = f"unix://{tmp_path}/none"
    away = send(ROWS, bearer, name="other.csv")
    assert away.status_code == 503 and away.headers["retry-after"] == "30"
    assert away.json()["type"].endswith("/scanner-away")
    assert File.objects.count() == 1 and len(kept()) == 1, (
        "nothing of what was refused is kept, not for a moment longer"
    )
    settings.ABATE_SCANNER = ""
    assert send(ROWS + HARMFUL, bearer).status_code == 202, "without a scanner nothing is looked at"


def test_what_is_loaded_at_a_shell(world: World, settings: Any, tmp_path: Path) -> None:
    clean, bad, large = (tmp_path / f"{name}.csv" for name in ("clean", "bad", "large"))
    clean.write_bytes(ROWS)
    bad.write_bytes(ROWS + HARMFUL)
    large.write_bytes(ROWS * (LARGEST // len(ROWS) + 2))
    code = world.sender.code
    with pytest.raises(scanner.FileHarmful, match=NAME):
        load(bad, code, 10)
    (row,) = Audit.objects.filter(what="file.harmful", act="refused")
    assert code in str(row.detail) and "bad.csv" not in str(row.detail)
    with pytest.raises(scanner.FileNotScanned):
        load(large, code, 10)
    assert not File.objects.exists(), "nothing of what was refused is begun"
    assert load(clean, code, 10) == {} and File.objects.count() == 1
    settings.ABATE_SCANNER = f"unix://{tmp_path}/none"
    with pytest.raises(scanner.ScannerAway):
        load(clean, code, 10)


def test_a_stranger_makes_it_scan_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(scanner, "require_clean", shown.append)
    assert send(ROWS, "not-a-token").status_code == 401 and shown == []
    assert send(ROWS, token(world)).status_code == 202 and len(shown) == 1


@pytest.mark.django_db
def test_files_and_lists_on_the_partners_page(
    enter: Enter,
    settings: Any,
    tmp_path: Path,
    address: str,
    city: Any,
) -> None:
    settings.ABATE_DATA_DIR, settings.ABATE_SCANNER = str(tmp_path), address
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.partner, "partner")
    page = enter(keeper, "en")
    day = (clock.today() - timedelta(days=1)).isoformat()
    for door, path, more, model in (
        ("partner-files", "/partner/files", {}, File),
        ("partner-breaks", "/partner/reconciliation", {"day": day}, Compared),
    ):
        sent = {"file": SimpleUploadedFile("rows.csv", ROWS + HARMFUL)} | more
        answer = page.post(path, sent, headers=PAGE)
        assert answer.status_code == 422 and "known to be harmful" in answer.content.decode()
        (row,) = told(door)
        assert "file-harmful" in row and keeper.handle in row
        assert not model.objects.exists()
    assert kept() == []


@pytest.mark.django_db
def test_an_applicants_papers(enter: Enter, settings: Any, tmp_path: Path, address: str) -> None:
    settings.ABATE_SCANNER = address
    one = draft()
    page = enter(one.user, "zh-hans")

    def bring(data: bytes) -> Any:
        paper = SimpleUploadedFile("licence.pdf", data, "application/pdf")
        return page.post(
            "/joining/document", {"kind": "registration", "file": paper, "valid_until": later().isoformat()}
        )

    answer = bring(PDF + HARMFUL)
    assert answer.status_code == 422, answer.content.decode()
    assert "已知的有害内容" in answer.content.decode()
    assert not Document.objects.exists()
    (row,) = told("joining-document")
    assert "file-harmful" in row
    settings.ABATE_SCANNER = f"unix://{tmp_path}/none"
    assert bring(PDF).status_code == 503 and not Document.objects.exists()
    settings.ABATE_SCANNER = address
    assert bring(PDF).status_code == 302 and Document.objects.count() == 1


@pytest.mark.django_db
def test_an_applicants_conformance_report(enter: Enter, settings: Any, address: str) -> None:
    settings.ABATE_SCANNER = address
    one = Application.objects.get(party=admitted())
    file = SimpleUploadedFile("report.json", b"{}" + HARMFUL, "application/json")
    answer = enter(one.user, "en").post("/joining/report", {"file": file}, headers=PAGE)
    assert answer.status_code == 422 and "known to be harmful" in answer.content.decode()
    (row,) = told("joining-report")
    assert "file-harmful" in row and not Report.objects.exists()


def test_a_harmful_list_by_key_changes_nothing(world: World) -> None:
    party = queries.party(world.sender.code)
    assert party is not None
    day = (clock.today() - timedelta(days=1)).isoformat()
    answer = Client().post(
        f"/v1/reconciliation?day={day}", ROWS + HARMFUL, content_type="text/csv",
        headers={"authorization": f"Bearer {token(world)}"},
    )  # fmt: skip
    assert answer.status_code == 422 and answer.json()["type"].endswith("/file-harmful"), answer.content
    assert not Compared.objects.exists()
