"""A receipt's milligrams recomputed by the engine itself, and what cannot be recomputed named as such."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from abate.bookkeeping import leaf, merkle
from abate.bookkeeping.checkpoint import Checkpoint, key_of, sign_checkpoint
from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.receipt import MethodName, Opening, Receipt, Terms
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import Check, verify_receipt
from abate.quantify import catalogue, one
from abate.quantify.factors import Setting
from abate.quantify.record import Record, canonical, read_record

SEED, ORIGIN = bytes(32), "abate.test/log"
AT = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
RIDE = {
    "trip_id": "t-1",
    "start": "2026-11-20T08:00:00+08:00",
    "end": "2026-11-20T08:30:00+08:00",
    "distance_km": "2.5",
}


def receipt(terms: Terms = Terms(pack="demo"), **changed: Any) -> dict[str, object]:  # noqa: B008 - frozen
    """The receipt of a walk, honest unless `changed`: everything is hashed and signed as it stands."""
    loaded = catalogue.load()
    method = loaded.newest("walking")
    setting = Setting(pack=loaded.pack("demo"))
    quantity, _ = one.quantify_one(RIDE, "walking", loaded, setting)
    read = read_record(method, RIDE)
    assert isinstance(read, Record)
    assert quantity.er_mg is not None
    values = {
        "er_mg": quantity.er_mg,
        "version": method.version,
        "factors": quantity.factors,
        "method_hash": bytes.fromhex(method.hash),
        "record": canonical(method, read).decode(),
        "behaviour": "walking",
        "method": MethodName("walking", method.version),
        **changed,
    }
    personal = leaf.personal_award(
        *("p-1", "city-walks", "e-1", values["behaviour"], AT, values["record"], values["er_mg"]),
        *(values["version"], values["factors"]),
    )
    opening = Opening(leaf.salt(bytes(32), 1), personal)
    data = leaf.encode(
        leaf.Leaf(
            *(Kind.AWARD, values["er_mg"], 0, AT, values["method_hash"], leaf.text_hash(values["factors"])),
            *(leaf.text_hash("batch"), leaf.commitment(opening.salt, opening.personal)),
        )
    )
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, merkle.leaf_hash(data)), SEED)
    return Receipt(ORIGIN, 0, data, (), note, opening, values["method"], terms).document()


def recomputed(document: dict[str, object], *, pack: Path | None = None) -> Check:
    verdict = verify_receipt(json.dumps(document), key_of(ORIGIN, SEED), Recomputing(pack))
    asked = [c for c in verdict.checks if c.name not in {"facts", "recomputed", "rate", "total"}]
    assert all(c.status.value == "passed" for c in asked)
    return next(check for check in verdict.checks if check.name == "recomputed")


@pytest.mark.clause("P-8.5-e")
def test_the_milligrams_come_out_again() -> None:
    check = recomputed(receipt())
    assert check.status.value == "passed", check.detail
    assert "walking version 1 gives" in check.detail
    assert "an illustration" in check.detail


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"er_mg": 10**9}, "booked are 1000000000 mg"),
        ({"factors": "pack:demo/walking.ef_other"}, "booked are"),
        ({"version": 2, "method": None}, "methodology version"),
        ({"method": MethodName("bus", 1)}, "the receipt names 'bus'"),
        ({"behaviour": "cycling"}, "the act is opened as 'cycling', the leaf's methodology is 'walking'"),
        ({"record": '{"trip_id":"t-1"}'}, "refused, missing:"),
        ({"record": '{"trip_id":{"a":[1,null]}}'}, "refused, "),
    ],
)
def test_a_figure_that_does_not_come_out_is_refused(changed: dict[str, Any], words: str) -> None:
    check = recomputed(receipt(**changed))
    assert check.status.value == "failed"
    assert words in check.detail


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (Terms(pack="demo", floor="best"), "no grade 'best'"),
        (Terms(pack="demo", zone="Mars/Olympus"), "no time zone"),
        (Terms(pack="demo", zone="../../etc/passwd"), "no time zone"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused(terms: Terms, words: str) -> None:
    check = recomputed(receipt(terms))
    assert (check.status.value, words in check.detail) == ("failed", True)


@pytest.mark.parametrize("pack", ["../packs/demo", "packs/demo.yaml", "nobody", None])
def test_a_receipt_names_no_file_to_be_read(pack: str | None) -> None:
    check = recomputed(receipt(Terms(pack=pack)))
    assert check.status.value == "not checked"
    assert "--operator-pack" in check.detail


def test_the_operators_own_figures_from_a_file(tmp_path: Path) -> None:
    own = tmp_path / "demo.yaml"
    own.write_bytes((catalogue.SHIPPED / "packs" / "demo.yaml").read_bytes())
    assert recomputed(receipt(Terms(pack="ours")), pack=own).status.value == "passed"
    own.write_text("pack: [")
    check = recomputed(receipt(), pack=own)
    assert (check.status.value, "cannot be read" in check.detail) == ("not checked", True)


def test_an_unknown_methodology_is_not_guessed() -> None:
    check = recomputed(receipt(method_hash=bytes(32)))
    assert (check.status.value, "is not shipped here" in check.detail) == ("not checked", True)


WITHOUT_THE_PLATFORM = """
import sys
BARRED = ("django", "ninja", "allauth", "psycopg", "uvicorn", "abate.platform")
class Bar:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(BARRED):
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Bar())
from abate.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.clause("P-8.5-e")
def test_the_command_needs_nothing_of_the_platform(tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(json.dumps(receipt()))
    (tmp_path / "log.pub").write_text(str(key_of(ORIGIN, SEED)))
    arguments = ("verify", str(tmp_path / "receipt.json"), "--key", str(tmp_path / "log.pub"), "--json")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_PLATFORM, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert {check["name"]: check["status"] for check in verdict["checks"]} == dict.fromkeys(
        ("form", "leaf", "signature", "inclusion", "opening", "facts", "recomputed", "credits"), "passed"
    ) | dict.fromkeys(verdict["not_proved"], "not checked")
    assert verdict["not_proved"] == ["rate", "total"]
