"""An estimate from a sample, as a document: what was asked, of how many, and the lower bound that is used.

`abate estimate` writes it, an operator's pack names it with its digest, and the engine takes its `value`, which
is the one-sided lower confidence bound rounded down. Nothing statistical is computed here, so reading one
needs the core alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from abate.quantify.method import Text
from abate.quantify.reading_yaml import Value, read_yaml

KINDS = ("rate", "eta")
WAYS: Mapping[str, tuple[str, Text]] = {
    "survey": ("M-2.3.6-2", Text("用户问卷", "survey of participants")),
    "parallel": ("M-2.3.6-3", Text("线上线下同步会议", "meetings held online and offline at once")),
    "duration": ("M-2.3.6-4", Text("会议时长分布", "distribution of durations")),
    "places": ("M-2.3.6-5", Text("参会人所在地", "places of the participants")),
    "eta-survey": ("D-6.6-2", Text("抽样调查", "sampling survey")),
    "eta-regression": ("D-6.6-2", Text("历史数据回归", "regression on history")),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate. Numbers are texts as written: they are shown, and only `value` is computed with.

    `units` counts what was drawn (answers, meetings, site-periods), `asked` those approached.
    """

    id: str
    quantity: str
    way: str
    clause: str
    design: Text
    statistics: Text
    input_file: str
    input_sha256: str
    asked: int
    units: int
    population: int | None
    point: str
    standard_error: str
    level: str
    two_sided: tuple[str, str]
    one_sided: tuple[str, str]
    value: Fraction
    value_text: str
    precision: str
    required: int
    period: tuple[date, date]
    review_by: date
    review_rule: Text
    remarks: tuple[Text, ...]
    longer_than: float | None = None
    longer_than_source: str = ""
    """For durations: the length from which people would have met, and the document that states it."""
    sha256: str = ""
    """Digest of the document's own bytes; empty until it is written."""

    def provenance(self) -> Text:
        """One line for explanations: way, how many, which bound."""
        percent = f"{float(self.level) * 100:g} %"
        way = WAYS[self.way][1]
        return Text(
            f"估计“{self.id}”（{way.zh}，{self.clause}）：样本 {self.units}（询问 {self.asked}），"
            f"点估计 {self.point}，标准误 {self.standard_error}，采用单侧 {percent} 置信下限 {self.value_text}",
            f"estimate “{self.id}” ({way.en}, {self.clause}): sample of {self.units} ({self.asked} asked), point "
            f"estimate {self.point}, standard error {self.standard_error}, used is the one-sided {percent} lower "
            f"confidence bound {self.value_text}",
        )

    def place(self) -> str:
        """Where the figure comes from: the input by its digest, and the time it describes."""
        start, end = self.period
        return (
            f"{self.input_file} sha256:{self.input_sha256[:16]}, {start} to {end}; "
            f"document sha256:{self.sha256[:16]}"
        )


def read_estimate(path: Path, sha256: str, at: Value) -> Estimate:
    """The estimate a pack names. Raises MethodError where it is not there, not the one, or not in order."""
    if not path.is_file():
        raise at.error(
            f"estimate {path.name} is not beside the pack", "put the file there, or correct the name"
        )
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise at.error(
            f"estimate {path.name} has digest {found[:16]}…, the pack names {sha256[:16]}…",
            "an estimate is not edited after it was adopted: take the new one over by its own digest",
        )
    return _estimate(read_yaml(path, path.name), found)


def read_document(path: Path) -> Estimate:
    """An estimate by itself. Raises MethodError."""
    return _estimate(read_yaml(path, path.name), hashlib.sha256(path.read_bytes()).hexdigest())


def _estimate(top: Value, sha256: str) -> Estimate:
    table = top.table()
    data, sample, bounds, period = (table[key].table() for key in ("input", "sample", "bounds", "period"))
    way = table["way"]
    if way.text() not in WAYS:
        raise way.error(f"way {way.text()} is not known", f"one of: {', '.join(WAYS)}")
    population = sample.get("population")
    two, value = bounds["two_sided"].texts(), table["value"]
    one = bounds["one_sided"].texts()
    required = table["required"].table()
    length = threshold.table() if (threshold := table.get("longer_than")) else None
    estimate = Estimate(
        id=table["estimate"].text(),
        quantity=table["quantity"].text(),
        way=way.text(),
        clause=table["clause"].text(),
        design=table["design"].both(),
        statistics=table["statistics"].both(),
        input_file=data["file"].text(),
        input_sha256=data["sha256"].text(),
        asked=sample["asked"].integer(),
        units=sample["units"].integer(),
        population=population.integer() if population else None,
        point=table["point"].text(),
        standard_error=table["standard_error"].text(),
        level=bounds["level"].text(),
        two_sided=(two[0], two[-1]),
        one_sided=(one[0], one[-1]),
        value=value.number(),
        value_text=value.text(),
        precision=required["half_width"].text(),
        required=required["sample"].integer(),
        period=(period["from"].day(), period["to"].day()),
        review_by=table["review_by"].day(),
        review_rule=table["review_rule"].both(),
        remarks=tuple(v.both() for v in table.entries("remarks")),
        longer_than=float(length["minutes"].number()) if length else None,
        longer_than_source=length["source"].text() if length else "",
        sha256=sha256,
    )
    for inner in (data, sample, bounds, period, required, table, length):
        if inner:
            inner.done()
    _in_order(value, estimate)
    return estimate


def _in_order(value: Value, e: Estimate) -> None:
    """What an edited document could not keep up: the clause of its way, and the bound below the estimate."""
    lower, point = Fraction(e.one_sided[0]), Fraction(e.point)
    if e.quantity not in KINDS or e.clause != WAYS[e.way][0]:
        raise value.error("its quantity, way and clause do not go together", "write it with `abate estimate`")
    if not 0 <= e.value <= lower or e.value > point or lower - e.value >= Fraction(1, 1000):
        raise value.error(
            f"value {e.value_text} is not the lower bound {e.one_sided[0]} rounded down",
            "credits stand on the lower bound, never on the point estimate: write it with `abate estimate`",
        )
    if e.period[1] < e.period[0] or e.review_by <= e.period[1]:
        raise value.error("its period and review date are not in order", "write it with `abate estimate`")
