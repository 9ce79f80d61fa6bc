"""The catalogue of refusals: every code that the interface and the pages answer with, from the classes that raise it.

`type` of a problem document is the address of its line here (`/problems/CODE`); docs/reference/problems.md is made of
the same lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

# Each room's refusals, imported so that a code is known before it is first raised.
from abate.platform.anomalies import errors as _anomalies
from abate.platform.carbon import errors as _carbon
from abate.platform.credits import errors as _credits
from abate.platform.doors.errors import Problem
from abate.platform.doors.months import MonthUnfit, TablesBusy
from abate.platform.events import errors as _events
from abate.platform.events import files_errors as _files
from abate.platform.incentives import errors as _incentives
from abate.platform.ledger import errors as _ledger
from abate.platform.log import errors as _log
from abate.platform.parties import errors as _parties
from abate.platform.parties import limit_errors as _limits
from abate.platform.people import errors as _people
from abate.platform.people import family_errors as _family
from abate.platform.quarantine import errors as _quarantine
from abate.platform.reconciliation import errors as _reconciliation
from abate.platform.review import errors as _review
from abate.platform.sharing import errors as _sharing
from abate.platform.web import gate as _gate
from abate.platform.web import middleware as _middleware
from abate.platform.web import shielding as _shielding

KNOWN = (
    _log, _review, _parties, _limits, _people, _family, _events, _files, _carbon, _ledger, _credits, _incentives, _anomalies,
    _quarantine, _reconciliation, _sharing, _gate, _middleware, _shielding,
)  # fmt: skip
NOT_OVER_HTTP = (MonthUnfit, TablesBusy)
"""What only a command of the operator's can meet."""


@dataclass(frozen=True, slots=True)
class Line:
    """One refusal. Texts are (Chinese, English)."""

    code: str
    status: int
    what: tuple[str, str]
    why: tuple[str, str]
    remedy: tuple[str, str]


def _kinds(parent: type[Problem]) -> Iterator[type[Problem]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from _kinds(kind)


@lru_cache(maxsize=1)
def lines() -> dict[str, Line]:
    """Every code of the platform with its line, by code. Raises ValueError where a class is no whole refusal."""
    return lines_of(
        kind for kind in _kinds(Problem) if reachable(kind.__module__) and kind not in NOT_OVER_HTTP
    )


def reachable(module: str) -> bool:
    """Whether a refusal of this module can be an answer; those of `config` are commands' only."""
    return module.startswith("abate.platform.") and not module.startswith("abate.platform.config.")


def lines_of(kinds: Iterable[type[Problem]]) -> dict[str, Line]:
    """The lines of these classes; one without a code of its own is what several refusals have in common."""
    found: dict[str, Line] = {}
    for kind in kinds:
        if "code" not in vars(kind):
            continue
        missing = [name for name in ("zh", "en", "why_zh", "why_en", "remedy_zh", "remedy_en")
                   if name not in _own(kind) or not getattr(kind, name)]  # fmt: skip
        if missing or kind.code in found:
            raise ValueError(f"{kind.__qualname__} ({kind.code}): {missing or 'this code is taken'}")
        found[kind.code] = Line(
            kind.code,
            kind.status,
            (kind.zh, kind.en),
            (kind.why_zh, kind.why_en),
            (kind.remedy_zh, kind.remedy_en),
        )
    return dict(sorted(found.items()))


def _own(kind: type[Problem]) -> set[str]:
    """The names that the class or a parent below Problem sets itself."""
    return {name for one in kind.__mro__ if one not in Problem.__mro__ for name in vars(one)}


def as_markdown() -> str:
    """The page of the reference."""
    rows = [
        "# Problems",
        "",
        "What the interface and the pages refuse with. A refusal over HTTP is a problem document (RFC 9457) whose `type` is",
        "`ORIGIN/problems/CODE`: that address shows the same words. Nothing was changed where one of these is answered,",
        "except where its line says that this is not certain. Reasons of single events inside an answer 200 are listed in",
        "[outcomes](outcomes.md).",
        "",
        "| code | status | what | why | what to do |",
        "|---|---|---|---|---|",
    ]
    for line in lines().values():
        cells = (" / ".join(pair).replace("|", "\\|") for pair in (line.what, line.why, line.remedy))
        rows.append(f"| `{line.code}` | {line.status} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"
