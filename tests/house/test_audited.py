"""Every writing function tells the audit trail, or its own rows are a trail that nothing changes (OWN, with why)."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from abate.platform.doors.statements import statements

ROOT = Path(__file__).resolve().parents[2] / "src/abate/platform"
LANE = "the lane of events: batch, sender, digest and refusals are rows of their own, each award a leaf"
ENTRY = "an entry: append-only, with its cause, and a leaf"
PURE = "writes nothing of its own"
# file or folder -> function -> why no row is written: what is written is append-only, says who and when
OWN = {
    "events/": {"*": LANE},
    "ledger/": {"*": ENTRY},
    "reconciliation/": {"*": "files and steps are append-only and say by whom"},
    "sharing/": {"*": "requests, answers and reads are append-only and say by whom"},
    "carbon/actions.py": {
        "must_stand": PURE,
        "number_bases": LANE,
        "keep": LANE,
        "revise": LANE,
        "name_known": PURE,
    },
    "credits/actions.py": {
        "cut": LANE,
        "begin_claims_anew": LANE,
        "reverse": ENTRY,
        "set_first_rule": "the rule a platform starts with, from a migration",
    },
    "carbon/acts.py": {"*": LANE},
    "credits/room.py": {"*": LANE},
    "anomalies/actions.py": {
        "came": "through decide, in its transaction",
        "sweep_once": "through sweep, which tells of each chunk",
    },
    "quarantine/actions.py": {"hold": LANE, "came": "through decide, in its transaction"},
    "credits/taking.py": {"*": LANE},
    "incentives/actions.py": {
        "redeem": ENTRY,
        "reverse": ENTRY,
        "read_code": PURE,
        "keep_redeeming_out": PURE,
    },
    "parties/actions.py": {
        "check_party": PURE,
        "make_secret": PURE,
        "default_grants": PURE,
        "normal_conditions": PURE,
        "note_use": "the day of a key's last use, no more",
        "claim_area": "once, at the first start",
        "drop_token": "a token given back by its holder, or that no key may use",
    },
    "joining/actions.py": {
        **dict.fromkeys(("particulars", "checked", "is_line", "check_free", "credit_code_sign", "complete"), PURE),
        "lapse": "through standing.lapse",
    },
    "parties/answers.py": {"once": "the answer of a call whose work tells of itself; it repeats it for a day"},
    "parties/exchanged.py": {"note": "of a token that was just given: its digest, for as long as it lasts"},
    "parties/limits.py": {"take": "counters that a crash may lose", "forget": "the same"},
    "parties/signatures.py": {"spend_nonce": "a nonce that was used, for ten minutes"},
    "parties/webhooks.py": {
        "note": "messages are rows of their own, with what they tell of",
        "send_due": "each attempt is a row, and says what was answered",
    },
    "notices/actions.py": {
        "write": "rows of their own, with what they tell of",
        "plan_due": "where a notice goes is a row, and says so",
        "send_due": "the same: when it was handed over, or why not",
    },
    "people/claiming.py": {"*": "through register"},
    "people/actions.py": {"keep_still": PURE, "confirm_code": "through prove_contact", "request_own_code":
                          "through request_code", "confirm_own_code": "through prove_contact",
                          "open_account": "through register, or open_for_child",
                          "close": "through destroy, or freeze"},
    "people/children.py": {"end": "through destroy, or register: the owner takes it over"},
    "people/consents.py": {"end": "through destroy, or freeze"},
    "people/disclosing.py": {"end_party": "through end_party of groups"},
    "people/groups.py": {"leave_all": "through destroy, freeze, or register"},
    "people/recovering.py": {"forget": "through destroy, or freeze"},
    "review/actions.py": {"enrol": "through enrol_digest"},
    "review/audit.py": {"*": "the trail itself"},
    "review/sealing.py": {"seal": "a seal is a leaf"},
    "signin/actions.py": {
        "count_try": "tries of strangers, kept for minutes as keyed digests; what came of them is told",
        "seen": "an open session, in its owner's list",
    },
    "signin/lasting.py": {"use": "an open session, in its owner's list"},
    "config/archiving.py": {"*": "whole months, moved by the owner of the database under a digest; abate archive says which"},
    "config/fields.py": {"retain": "clears by the rule and prints how much; what goes of the trail is told"},
    "web/health.py": {"*": "a row that is taken back at once: whether the database can be written"},
}  # fmt: skip
_WRITES = re.compile(
    r"\.objects\b[\s\S]*?\.(create|bulk_create|get_or_create|update_or_create|update|delete)\("
    r"|\.save\(|insert into|\bupdate [a-z_]+ set|delete from",
    re.IGNORECASE,
)


@lru_cache
def writing_statements(room: str) -> frozenset[str]:
    folder = ROOT / room / "sql"
    found = statements(folder) if folder.is_dir() else {}
    return frozenset(name for name, text in found.items() if _WRITES.search(text))


def writes(node: ast.AST, named: Collection[str]) -> bool:
    text = ast.unparse(node)
    return bool(_WRITES.search(text)) or any(f"['{name}']" in text for name in named)


def silent(text: str, *, every: bool = True, named: Collection[str] = ()) -> Iterator[str]:
    """Public functions that neither carry @audited nor call audit.note; not `every` one, those that write."""
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    writing = _callers(functions, {name for name, node in functions.items() if writes(node, named)})
    told = {
        name
        for name, node in functions.items()
        if "audit.note(" in ast.unparse(node)
        or any("audited" in ast.unparse(one) for one in node.decorator_list)
    }
    told = _callers(functions, told)
    yield from (
        name for name in functions if name[0] != "_" and (every or name in writing) and name not in told
    )


def _callers(functions: dict[str, ast.FunctionDef], found: set[str]) -> set[str]:
    """`found` and whatever calls a private function of it, in as many steps as it takes."""
    while more := {
        name
        for name, node in functions.items()
        if name not in found and any(f"{one}(" in ast.unparse(node) for one in found if one[0] == "_")
    }:
        found = found | more
    return found


def unexplained(file: str, text: str) -> list[str]:
    room = file.partition("/")[0]
    own = OWN.get(file) or OWN.get(f"{room}/") or {}
    found = silent(text, every=file.endswith("/actions.py"), named=writing_statements(room))
    return [] if "*" in own else sorted(set(found) - set(own))


@pytest.mark.clause("P-8.4-c")
def test_every_write_is_told() -> None:
    # Doors and log stand before this room; the log keeps rows of its own about who was shown what.
    files = [
        file
        for file in ROOT.rglob("*.py")
        if not {"migrations", "doors", "log"} & set(file.relative_to(ROOT).parts)
    ]
    assert len([file for file in files if file.name == "actions.py"]) >= 10
    found = {
        name: unexplained(name, file.read_text(encoding="utf-8"))
        for file in files
        for name in [str(file.relative_to(ROOT))]
    }
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_a_silent_write_would_be_found() -> None:
    assert unexplained("parties/actions.py", "def wipe(party):\n    party.delete()") == ["wipe"]
    told = '@audited("party.wipe")\ndef wipe(party):\n    party.delete()'
    assert unexplained("parties/actions.py", told) == []
    aside = "def _do(p):\n    Party.objects.filter(pk=p).delete()\ndef wipe(p):\n    _do(p)\ndef look(p):\n    pass"
    assert unexplained("parties/planted.py", aside) == ["wipe"]
    by_name = "def keep(cursor):\n    cursor.execute(SQL['keep'])"
    assert unexplained("parties/planted.py", by_name) == ["keep"]


def test_every_exception_is_still_there() -> None:
    for file, functions in OWN.items():
        if file.endswith("/"):
            assert (ROOT / file).is_dir(), file
            continue
        names = {
            node.name
            for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
        }
        assert set(functions) - {"*"} <= names, file
