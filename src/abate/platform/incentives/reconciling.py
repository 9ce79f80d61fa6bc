"""Whether offers, codes and the entries that paid for them agree: what `abate reconcile` asks of this room."""

from __future__ import annotations

from pathlib import Path

from django.db import connection

from abate.platform.doors.statements import statements

SQL = statements(Path(__file__).parent / "sql")
_RULES = ("ends", "burnt", "signs", "terms", "stock")


def differences() -> dict[str, int]:
    """`ends`: codes that were given back though their entry stands, or whose entry was reversed though they work.
    `codes`: codes and redemptions of which one lacks the other, or that are of two orders. `burnt`: codes that were burnt, as the
    trail says, and could be burnt again, or that stand as burnt while the trail tells of nobody who did it. `signs`: codes that
    are not found by their own signs, or by those of another. `terms`: codes that cost, began or end otherwise than their entry
    and their offer say. `stock`: offers whose stock is not what was decided less what was redeemed, or that are listed again.
    """
    found = {}
    with connection.cursor() as cursor:
        for name in _RULES:
            cursor.execute(SQL[f"differ_{name}"])
            found[name] = int(cursor.fetchone()[0])
        cursor.execute(f"select count(*) from ({SQL['wrong_codes']}) wrong")
        found["codes"] = int(cursor.fetchone()[0])
    return found


def first_wrong_code() -> tuple[int, int] | None:
    """Person and entry of the first redemption that its code is not of."""
    with connection.cursor() as cursor:
        cursor.execute(f"select * from ({SQL['wrong_codes']}) wrong order by entry_id, person_id limit 1")
        return cursor.fetchone()  # type: ignore[no-any-return]
