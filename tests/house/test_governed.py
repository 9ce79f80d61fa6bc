"""Changes that need three people are done by their registered action alone, and that by the approval alone.

A function of a room that does such a change (GOVERNED) is called in the product only where the room registers it
(changes.py, staffing.py) and where the empty system is opened; a set-up of tests or benchmarks plays the people
(abate/demo/desk.py). Tests of the function itself call it. Clause P-8.4-c.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("actions", "decided", "standing")
# room -> functions of its actions.py, decided.py or standing.py
GOVERNED = {
    "parties": {
        "create_party",
        "add_behaviours",
        "remove_behaviours",
        "suspend",
        "resume",
        "issue_client",
        "rotate_client",
        "change_client",
        "register_public_key",
        "set_limits",
        "add_member",
        "remove_member",
        "set_validity",
        "leave",
    },
    "joining": {"admit", "refuse", "renew", "hand_over", "leave"},
    "credits": {"add_cap", "add_rule"},
    "ledger": {"adjust", "add_duty"},
    "incentives": {"create_offer", "end_offer"},
    "carbon": {"approve", "adopt"},
    "events": {"declare"},
    "sharing": {"answer"},
    "announcements": {"publish", "end"},
    "review": {"enrol", "enrol_digest", "grant", "withdraw"},
}
DOORS = {
    # Governed itself, line by line above: it calls what the parties' room governs.
    "src/abate/platform/joining/decided.py",
    *(f"src/abate/platform/{room}/changes.py" for room in GOVERNED),
    "src/abate/platform/review/staffing.py",
    "src/abate/platform/review/opening.py",
}
# The admission decided on a first key; it is made when the party collects it, once, so that nobody else sees the secret.
# A restored database is given what was decided after the moment it was set back to.
DECIDED_BEFORE = {
    "src/abate/platform/parties/standing.py": ["parties.issue_client"],
    "src/abate/platform/config/reopening.py": [
        "parties.leave",
        "parties.remove_member",
        "parties.suspend",
        "review.withdraw",
    ],
}
# What a registered action does is called by the approval and by the opening, and by nobody else.
EXECUTING = {"src/abate/platform/review/proposing.py", "src/abate/platform/review/opening.py"}
SETUPS = (
    "benchmarks/*.py",
    "tests/platform/web/city.py",
    "tests/platform/incentives/conftest.py",
    "tests/platform/credits/conftest.py",
    "tests/faults/city.py",
)


def named(tree: ast.Module) -> dict[str, str]:
    """Local name -> room, of every imported module of MODULES; and `name` -> room/function of a bare import."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("abate.platform."):
            parts = (node.module or "").split(".")
            for alias in node.names:
                if len(parts) == 3 and alias.name in MODULES:
                    found[alias.asname or alias.name] = parts[2]
                elif len(parts) == 4 and parts[3] in MODULES:
                    found[alias.asname or alias.name] = f"{parts[2]}/{alias.name}"
    return found


def calls(text: str, own: str = "") -> Iterator[str]:
    """Governed functions that the file names: `room.function`. `own`: the room whose actions.py this is."""
    tree = ast.parse(text)
    rooms = named(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            room = rooms.get(node.value.id, "")
            if node.attr in GOVERNED.get(room, ()):
                yield f"{room}.{node.attr}"
        if isinstance(node, ast.Name):
            room, _, function = rooms.get(node.id, "").partition("/")
            if function in GOVERNED.get(room, ()):
                yield f"{room}.{function}"


EXECUTE = re.compile(r"(?<!cursor)(?<!django)\.execute\(")


def executes(text: str) -> bool:
    """Whether the file carries out registered actions: it knows the register and calls `.execute` of no cursor."""
    return "review import" in text and "changes" in text and bool(EXECUTE.search(text))


def files(*patterns: str) -> list[Path]:
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern))


@pytest.mark.clause("P-8.4-c")
def test_nothing_in_the_product_goes_round_the_three_people() -> None:
    found = {
        str(file.relative_to(ROOT)): sorted(set(calls(file.read_text(encoding="utf-8"))))
        for file in files("src/abate/**/*.py")
    }
    assert {file: names for file, names in found.items() if names and file not in DOORS} == DECIDED_BEFORE
    assert sum(map(len, found.values())) > 10, "the doors themselves were not found: the search is blind"


def test_only_an_approval_and_the_opening_execute() -> None:
    found = {
        str(file.relative_to(ROOT))
        for file in files("src/abate/**/*.py")
        if executes(file.read_text(encoding="utf-8"))
    }
    assert found == EXECUTING
    assert executes("from abate.platform.review import changes\nchanges.action('x').execute({})")
    assert executes("from abate.platform.review import changes\none.execute({})")


def test_set_ups_play_the_people() -> None:
    found = {
        str(file.relative_to(ROOT)): sorted(set(calls(file.read_text(encoding="utf-8"))))
        for file in files(*SETUPS)
    }
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "from abate.platform.parties import actions\nactions.create_party('x')",
        "from abate.platform.ledger import actions as books\nbooks.adjust(1, 2, 'x')",
        "from abate.platform.credits.actions import add_cap as lay\nlay('', None, 1, ('', ''))",
        "from abate.platform.review import actions\ndo = actions.grant",
        "from abate.platform.joining import decided\ndecided.admit(1, 2, 3)",
        "from abate.platform.joining.decided import leave\nleave(1)",
    ],
)
def test_a_planted_way_round_is_found(planted: str) -> None:
    assert list(calls(planted))
