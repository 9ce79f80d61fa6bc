"""Conformance runs as the sandbox keeps them: each with its lines, and signed where its books saw all of it. (P-6.1-d)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abate.client.conformance import LINES, OWN, Line
from abate.platform.doors import clock
from abate.platform.joining import conformance
from abate.platform.joining.errors import ReportRefused, RunUnknown
from abate.platform.joining.models import Run
from abate.platform.parties import limits
from abate.platform.review.audit import audited

MOST = 48
"""Runs of one party from its page within a day: our policy."""
SHOWN = 50


def may_run(party_id: int) -> None:
    """Count one more run from the page. Raises LimitReached."""
    limits.take([limits.Limit("checks", f"checks:{party_id}", MOST, limits.DAY)])


@audited("party.run", lambda _, made: made.pk)
def keep(party_id: int, code: str, run: str, lines: Sequence[Line]) -> Run:
    """A run that the page made: kept whether it passed or not, signed where it passed and the books saw it.

    Raises NotASandbox.
    """
    told = [line.as_data() for line in lines]
    failed, signed, refusal = sum(not line.passed for line in lines), {"statement": "", "signature": ""}, ""
    if not failed:
        try:
            signed = conformance.attest(party_id, code, {"run": run, "lines": told})
        except ReportRefused as refused:
            refusal = refused.detail
    return Run.objects.create(
        party_id=party_id, run=run, via="page", lines=told, failed=failed, refusal=refusal, at=clock.now(), **signed
    )  # fmt: skip


@audited("party.run", lambda given, _: given["code"])
def attest(party_id: int, code: str, told: Mapping[str, Any]) -> dict[str, str]:
    """Sign a run that the command made, and keep it. Raises NotASandbox, ReportRefused."""
    signed = conformance.attest(party_id, code, told)
    lines = [
        _line(one)
        for one in told["lines"]
        if (name := str(one.get("name"))) in LINES | {"signed", "replayed", "changed"} or name.startswith(OWN)
    ]
    Run.objects.create(
        party_id=party_id, run=told["run"], via="command", lines=lines, failed=0, at=clock.now(), **signed
    )
    return signed


def _line(given: Mapping[str, Any]) -> dict[str, Any]:
    """A line as somebody else's program told it: no more than what a page shows, cut to what fits there."""
    what = given.get("what")
    pair = [str(text)[:120] for text in what] if isinstance(what, list) and len(what) == 2 else ["", ""]
    return {
        "name": str(given["name"])[:80],
        "what": pair,
        "expected": str(given.get("expected", ""))[:200],
        "found": str(given.get("found", ""))[:200],
        "passed": True,
    }


def runs(party_id: int) -> list[Run]:
    """The newest first."""
    return list(Run.objects.filter(party_id=party_id).order_by("-id")[:SHOWN])


def run_of(party_id: int, number: int) -> Run:
    """A run of the party's own. Raises RunUnknown."""
    found = Run.objects.filter(party_id=party_id, pk=min(number, 2**63 - 1)).first()
    if found is None:
        raise RunUnknown
    return found
