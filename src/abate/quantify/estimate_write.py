"""From bounds to the document that a pack can name: the lower bound rounded down, and everything behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from abate.quantify.estimate_bounds import Bounds
from abate.quantify.estimate_document import WAYS, Estimate
from abate.quantify.method import Text

DECIMALS = {"rate": 4, "eta": 6}
"""As many decimals as the parameter takes."""
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Found:
    """What an estimator found, before it is written down."""

    quantity: str
    way: str
    design: Text
    statistics: Text
    file: str
    sha256: str
    asked: int
    units: int
    population: int | None
    bounds: Bounds
    period: tuple[date, date]
    remarks: tuple[Text, ...] = ()
    longer_than: tuple[float, str] | None = None


def estimate(found: Found, identity: str, precision: float, review_by: date, review_rule: Text) -> Estimate:
    b = found.bounds
    used = _text(max(0.0, b.one_sided[0]), DECIMALS[found.quantity], ROUND_FLOOR)
    return Estimate(
        id=identity,
        quantity=found.quantity,
        way=found.way,
        clause=WAYS[found.way][0],
        design=found.design,
        statistics=found.statistics,
        input_file=found.file,
        input_sha256=found.sha256,
        asked=found.asked,
        units=found.units,
        population=found.population,
        point=_text(b.point, SHOWN, ROUND_HALF_EVEN),
        standard_error=_text(b.standard_error, SHOWN, ROUND_HALF_EVEN),
        level=f"{b.level:g}",
        two_sided=(_text(b.two_sided[0], SHOWN, ROUND_FLOOR), _text(b.two_sided[1], SHOWN, ROUND_HALF_EVEN)),
        one_sided=(
            _text(max(0.0, b.one_sided[0]), SHOWN, ROUND_FLOOR),
            _text(b.one_sided[1], SHOWN, ROUND_HALF_EVEN),
        ),
        value=Fraction(used),
        value_text=used,
        precision=f"{precision:g}",
        required=b.required,
        period=found.period,
        review_by=review_by,
        review_rule=review_rule,
        remarks=found.remarks,
        longer_than=found.longer_than[0] if found.longer_than else None,
        longer_than_source=found.longer_than[1] if found.longer_than else "",
    )


def _text(value: float, decimals: int, rounding: str) -> str:
    return str(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding))


def document(e: Estimate) -> str:
    """The estimate as YAML, the form `estimate_document.read_estimate` reads."""
    lines = [
        "# Written by `abate estimate`. A pack names this file by its digest, so it is never edited.",
        f"estimate: {_quoted(e.id)}",
        f"quantity: {e.quantity}",
        f"way: {e.way}",
        f"clause: {e.clause}",
        f"design: {_both(e.design)}",
        f"statistics: {_both(e.statistics)}",
        f"input: {{file: {_quoted(e.input_file)}, sha256: {_quoted(e.input_sha256)}}}",
        f"sample: {{asked: {e.asked}, units: {e.units}, population: {e.population or 'null'}}}",
        *_length(e),
        f"point: {_quoted(e.point)}",
        f"standard_error: {_quoted(e.standard_error)}",
        f"bounds: {{level: {_quoted(e.level)}, two_sided: {_pair(e.two_sided)}, one_sided: {_pair(e.one_sided)}}}",
        "# What is used: the one-sided lower bound, rounded down.",
        f"value: {_quoted(e.value_text)}",
        f"required: {{half_width: {_quoted(e.precision)}, sample: {e.required}}}",
        f"period: {{from: {e.period[0]}, to: {e.period[1]}}}",
        f"review_by: {e.review_by}",
        f"review_rule: {_both(e.review_rule)}",
        "remarks:" + ("" if e.remarks else " []"),
        *(f"  - {_both(remark)}" for remark in e.remarks),
    ]
    return "\n".join(lines) + "\n"


def _length(e: Estimate) -> list[str]:
    if e.longer_than is None:
        return []
    minutes, source = _quoted(f"{e.longer_than:g}"), _quoted(e.longer_than_source)
    return [f"longer_than: {{minutes: {minutes}, source: {source}}}"]


def _quoted(text: str) -> str:
    """A JSON text is a YAML text in quotes."""
    return json.dumps(text, ensure_ascii=False)


def _both(text: Text) -> str:
    return f"{{zh: {_quoted(text.zh)}, en: {_quoted(text.en)}}}"


def _pair(pair: Sequence[str]) -> str:
    return f"[{_quoted(pair[0])}, {_quoted(pair[1])}]"
