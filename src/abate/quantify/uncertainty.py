"""Uncertainty of the reduction, per record and for a portfolio, from the methodology that scores them.

Two ways side by side: first-order propagation with exact derivatives, and Monte Carlo on the same tree. The
point value is the engine's own exact one and is never changed. Draws are float64 and feed no booked amount;
the conservative figure is the chosen percentile of the draws in whole milligrams, rounded down, and never
above the point value.

Rules: a draw outside the declared range of its quantity is set to the end of the range and counted; a draw
in which a record would not be recognised gives zero for it and is counted; records without amounts stay
apart, counted by outcome and reason; a record that is not below its baseline has an interval but is no part
of the portfolio.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil, floor
from pathlib import Path

import numpy as np
import pyarrow as pa

from abate.quantify.catalogue import Catalogue
from abate.quantify.columns import compiled, connect
from abate.quantify.distributions import Uncertainties, UncertaintyError
from abate.quantify.factors import Setting
from abate.quantify.uncertainty_first import FirstOrder
from abate.quantify.uncertainty_model import Model, build
from abate.quantify.uncertainty_result import KG, Assessment, Request, Shown, Spread, describe, shown_records
from abate.quantify.uncertainty_rows import Slab, slabs
from abate.quantify.uncertainty_slab import APART, LOW, Part, Run, apart_from

__all__ = ["Assessment", "Request", "Spread", "assess"]

TAIL = 10
"""Draws that must be expected beyond each bound. This project's policy: with ten, the share of draws beyond a
bound is known to about a third of itself (1/sqrt(10))."""


def assess(
    method_id: str,
    inputs: Sequence[Path],
    catalogue: Catalogue,
    setting: Setting,
    statements: Sequence[Uncertainties],
    request: Request,
    *,
    write: Callable[[pa.Table], None] | None = None,
    keys: Sequence[str] = (),
    show: int = 20,
) -> Assessment:
    """`write(table)` receives the records of each slab in order. Raises UncertaintyError, InputError,
    NotColumnar, KeyError."""
    plan = compiled(method_id, catalogue, setting)
    model = build(plan, catalogue, statements)
    percentile = _percentile(request, model)
    _enough(request, percentile)
    run = Run(model, request, percentile)
    con = connect()
    try:
        total = _Total(run, show, write)
        for one in _parallel(run.slab, slabs(con, plan, inputs, setting.zone, keys), request.threads):
            total.add(one)
    finally:
        con.close()
    return total.assessment(method_id, setting)


def _percentile(request: Request, model: Model) -> float | None:
    if request.percentile is not None:
        asked = request.percentile
        if not 0 < asked < 100:
            raise UncertaintyError(f"percentile {asked:g}", "is not between 0 and 100",
                                   "ask for one like 5: the reduction is then exceeded with 95 %")  # fmt: skip
        return asked
    return float(model.conservative.value) if model.conservative else None


def _enough(request: Request, percentile: float | None) -> None:
    if not 0 < request.interval < 100:
        raise UncertaintyError(
            f"interval {request.interval:g}", "is not between 0 and 100", "ask for one like 95"
        )
    tails = [(100 - request.interval) / 2]
    tails += [min(percentile, 100 - percentile)] if percentile is not None else []
    needed = ceil(TAIL * 100 / min(tails) - 1e-9)
    if request.draws < needed:
        raise UncertaintyError(
            f"{request.draws} draws", f"are too few: {TAIL} must be expected beyond each bound asked for",
            f"take {needed} draws or more, or a narrower interval",
        )  # fmt: skip


def _parallel(work: Callable[[Slab], Part], given: Iterable[Slab], threads: int) -> Iterator[Part]:
    """Results in the order of the slabs; at most `threads` + 1 slabs are held."""
    waiting: deque[Future[Part]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for slab in given:
            waiting.append(pool.submit(work, slab))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Total:
    """The portfolio, summed slab by slab in order."""

    def __init__(self, run: Run, show: int, write: Callable[[pa.Table], None] | None) -> None:
        self.run = run
        self.show = show
        self.write = write
        self.rows = self.counted = self.point = self.conservative = self.disagree = 0
        self.draws = np.zeros(run.request.draws)
        self.first = FirstOrder(run.model, 0)
        self.apart: Counter[tuple[str, str]] = Counter()
        self.clipped: Counter[str] = Counter(run.clipped.counts)
        self.unmet: Counter[str] = Counter()
        self.factors: set[str] = set()
        self.segments: set[int] = set()
        self.shown: list[Shown] = []

    def add(self, one: Part) -> None:
        if len(self.shown) < self.show:
            self.shown += shown_records(one.table, self.show - len(self.shown))
        if self.write:
            self.write(one.table)
        self.rows += one.rows
        self.counted += one.counted
        self.point += one.point
        self.conservative += one.conservative
        self.disagree += one.disagree
        self.draws += one.draws
        self.first.add(one.first)
        self.apart += one.apart
        self.clipped += one.clipped.counts
        self.unmet += one.unmet
        self.factors |= one.factors
        self.segments |= one.segments

    def assessment(self, method_id: str, setting: Setting) -> Assessment:
        run, model = self.run, self.run.model
        portfolio = self._portfolio()
        figures_shown = {s.key: s.stated for s in model.shared} | {
            n: i.stated for n, i in model.inputs.items()
        }
        pack = setting.pack
        used = pack is not None and pack.illustration and any(f.startswith("pack:") for f in self.factors)
        return Assessment(
            method=method_id,
            request=run.request,
            percentile=run.percentile,
            percentile_source=self._source(),
            rows=self.rows,
            portfolio=portfolio,
            counted=self.counted,
            conservative_sum=self.conservative if run.percentile is not None else None,
            records=self.shown,
            apart=dict(sorted(self.apart.items())),
            stated=[(n, describe(s), f"{s.document.en}, {s.place}") for n, s in figures_shown.items()],
            exact=model.exact(self.segments),
            clipped=dict(sorted(self.clipped.items())),
            unrecognised=dict(self.unmet),
            warnings=self._warnings(portfolio),
            factors=tuple(sorted(self.factors)),
            illustration=model.illustration or used,
        )

    def _source(self) -> str:
        found = self.run.model.conservative
        if self.run.request.percentile is not None or found is None:
            return "asked for" if self.run.percentile is not None else ""
        return f"{found.document.en}, {found.place}"

    def _portfolio(self) -> Spread:
        found = self.run.summary(self.draws[None, :])[0] * KG
        sd = float(np.sqrt(self.first.portfolio())) * KG
        return Spread(
            point=self.point,
            mean=float(found[0]),
            sd=float(found[1]),
            low=float(found[LOW]),
            high=float(found[LOW + 1]),
            conservative=min(self.point, floor(found[-1])) if self.run.percentile is not None else None,
            first_order_sd=sd,
            first_order_half_width=sd * self.run.z,
        )

    def _warnings(self, p: Spread) -> list[str]:
        found = []
        draws = self.run.request.draws
        if apart_from(p.sd, p.first_order_sd, abs(p.mean), draws):
            found.append(
                f"the two ways disagree on the portfolio: sd {p.sd:,.0f} mg by draws, {p.first_order_sd:,.0f} mg by "
                "first order: the formula bends or changes branch within the uncertainty; rely on the draws"
            )
        if abs(p.mean - p.point) > 4 * p.sd / np.sqrt(draws) + 0.005 * abs(p.point):
            found.append(
                f"the mean of the draws, {p.mean:,.0f} mg, is not the point value: a distribution is not centred on "
                "its figure, or the formula bends; the point value stays as it is"
            )
        if self.disagree:
            found.append(
                f"the two ways disagree on {self.disagree:,} of {self.rows:,} records by more than {APART:.0%} and noise"
            )
        if not self.run.model.shared and not self.run.model.inputs:
            found.append("no uncertainty is stated for anything: every draw is the point value")
        return found
