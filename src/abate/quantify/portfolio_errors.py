"""Refusals of a portfolio."""

from __future__ import annotations

from abate.quantify.method import Clause, Text


class TotalError(ValueError):
    """Records that may not be added: `code`, what and where, the clause, and what to do."""

    def __init__(self, code: str, reason: Text, clause: Clause | None, remedy: Text) -> None:
        named = f" [{clause.id}, {clause.place}]" if clause else ""
        super().__init__(f"{code}: {reason.zh} / {reason.en}{named}\n  {remedy.zh} / {remedy.en}")
        self.code = code
        self.clause = clause.id if clause else None
