"""One slab of records: its draws, its first-order variances, and the columns that are written of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import stats

from abate.quantify.outcome import Outcome
from abate.quantify.uncertainty_draw import TILE, Clipped, Streams, drawn, figures, reductions, shared_draws
from abate.quantify.uncertainty_first import FirstOrder, first_order
from abate.quantify.uncertainty_model import Model
from abate.quantify.uncertainty_result import KG, Request
from abate.quantify.uncertainty_rows import Slab, point

APART = 0.05
"""Relative difference between the two ways from which it is pointed out, beyond the noise of the draws
(this project's policy)."""


LOW = 2
"""Column of the lower bound in what is found of a record: mean, sd, low, high, percentile."""


@dataclass(slots=True)
class Part:
    """What one slab gives. Amounts in kg, in the order of the slab's records with amounts."""

    table: pa.Table
    rows: int
    counted: int
    point: int
    draws: Any
    first: FirstOrder
    conservative: int
    apart: Counter[tuple[str, str]]
    clipped: Clipped
    unmet: Counter[str]
    disagree: int
    factors: set[str]
    segments: set[int]


class Run:
    """What every slab shares."""

    def __init__(self, model: Model, request: Request, percentile: float | None) -> None:
        self.model = model
        self.request = request
        self.percentile = percentile
        tail = (100 - request.interval) / 200
        self.bounds = [tail, 1 - tail] + ([percentile / 100] if percentile is not None else [])
        self.z = float(stats.norm.ppf(1 - tail))
        self.params, self.clipped = figures(model, shared_draws(model, request.seed, request.draws))
        self.tile = max(1, TILE // request.draws)

    def slab(self, slab: Slab) -> Part:
        size = slab.table.num_rows
        found = np.full((size, LOW + len(self.bounds)), np.nan)
        first = FirstOrder(self.model, size)
        streams = Streams(self.request.seed, slab.number, self.request.draws)
        total = np.zeros(self.request.draws)
        counted = np.asarray(slab.table["outcome"].cast(pa.string()).to_numpy()) == Outcome.COUNTED
        clipped, unmet = Clipped(), Counter[str]()
        for segment, positions in slab.groups():
            cut = self.model.cuts[segment]
            rows = point(slab, positions, cut)
            first_order(first, cut, rows, positions)
            for start in range(0, len(positions), self.tile):
                where = positions[start : start + self.tile]
                tile = rows.part(start, start + self.tile)
                laid = drawn(tile, cut, self.params[segment], streams.draw, clipped)
                values = reductions(cut.method, laid, unmet)
                values = np.broadcast_to(values, (len(where), self.request.draws))
                total += values[counted[where]].sum(axis=0)
                found[where] = self.summary(values)
        return self._part(slab, found, first, counted, total, clipped, unmet)

    def summary(self, values: Any) -> Any:
        """Mean, standard deviation, then the quantiles (linear between order statistics, as NumPy's)."""
        ordered = np.sort(values, axis=1)
        columns = [values.mean(axis=1), values.std(axis=1, ddof=1)]
        last = values.shape[1] - 1
        for p in self.bounds:
            k = min(int(p * last), last - 1)
            columns.append(ordered[:, k] + (ordered[:, k + 1] - ordered[:, k]) * (p * last - k))
        return np.stack(columns, axis=1)

    def _part(
        self,
        slab: Slab,
        found: Any,
        first: FirstOrder,
        counted: Any,
        total: Any,
        clipped: Clipped,
        unmet: Counter[str],
    ) -> Part:
        first.close(counted)
        there = np.isfinite(found[:, 0])
        sd = np.sqrt(first.variance)
        points = slab.table["er_mg"].fill_null(0).to_numpy()
        texts = {name: slab.table[name].cast(pa.string()) for name in ("outcome", "reason", "factors")}
        table = pa.table({f"key_{n}": slab.table[f"key_{n}"].cast(pa.string()) for n in slab.keys} | texts)
        table = table.rename_columns([*slab.keys, *texts]).append_column("er_mg", slab.table["er_mg"])
        for name, values in self._columns(found, sd, points).items():
            table = table.append_column(name, pa.array(values, mask=~(there & np.isfinite(values))))
        bound = (
            conservative(points, found[:, -1])
            if self.percentile is not None
            else np.zeros(len(points), np.int64)
        )
        known = there if self.percentile is not None else np.zeros(len(points), bool)
        table = table.append_column("conservative_mg", pa.array(bound, mask=~known))
        apart = apart_from(found[:, 1], sd, np.abs(found[:, 0]), self.request.draws)
        tells = zip(texts["outcome"].to_pylist(), texts["reason"].to_pylist(), there, strict=True)
        return Part(
            table=table,
            rows=slab.table.num_rows,
            counted=int(counted.sum()),
            point=sum(points[counted].tolist()),
            draws=total,
            first=first,
            conservative=sum(bound[counted].tolist()),
            apart=Counter((o, r or "") for o, r, ok in tells if not ok),
            clipped=clipped,
            unmet=unmet,
            disagree=int(np.count_nonzero(apart & there)),
            factors={
                f for text in texts["factors"].unique().to_pylist() for f in (text or "").split(";") if f
            },
            segments={segment for segment, _ in slab.groups()},
        )

    def _columns(self, found: Any, sd: Any, points: Any) -> dict[str, Any]:
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = (found[:, LOW + 1] - found[:, LOW]) * KG / 2 / np.abs(points.astype(float)) * 100
        return {
            "mean_mg": found[:, 0] * KG,
            "sd_mg": found[:, 1] * KG,
            "low_mg": found[:, LOW] * KG,
            "high_mg": found[:, LOW + 1] * KG,
            "relative_half_width_percent": relative,
            "first_order_sd_mg": sd * KG,
            "first_order_half_width_mg": sd * self.z * KG,
        }


def apart_from(sd: Any, first_order_sd: Any, size: Any, draws: int) -> Any:
    """Whether the two ways differ by more than APART and four standard errors of a standard deviation."""
    noise = 4 / np.sqrt(2 * (draws - 1))
    return np.abs(sd - first_order_sd) > (APART + noise) * np.maximum(sd, first_order_sd) + 1e-9 * size


def conservative(points: Any, quantile_kg: Any) -> Any:
    """Whole milligrams, rounded down, never above the point value."""
    limited = np.clip(np.floor(np.nan_to_num(quantile_kg) * KG), -(2.0**62), 2.0**62)
    return np.minimum(points, limited.astype(np.int64))
