"""One record, exactly, with its explanation.

Outcomes in order of precedence: `refused` > `needs_figure` > `not_counted` > `not_below_baseline` >
`counted`. Reasons: `<code>:<field>` (refused; `no_method_in_force:<dating field>`,
`no_factor:<parameter>`), `no_figure:<parameter>`, `<rule id>:<clause>` (not counted),
`no_reduction:P-7.2-a` (not below the baseline). An entry that the operator has closed (`closed:P-7.2-c`) asks for
no figure. A figure that is needed only where it is read holds up a record after recognition, and only one whose
formulas read it; where it is there but past its review, such a record is refused. A record dated before its methodology was
published is computed as usual and its amounts carry the reason `history:P-7.2-d`. `factors` names the
figures read where amounts were computed, and is empty otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import TypeAlias

from abate.quantify import explain_build
from abate.quantify.bounds import INT64
from abate.quantify.catalogue import Catalogue
from abate.quantify.evaluation import Evaluation
from abate.quantify.explain_build import Start
from abate.quantify.explain_data import Explanation
from abate.quantify.factors import Resolution, Setting, resolve
from abate.quantify.listing import CLOSED
from abate.quantify.method import Method, Text
from abate.quantify.outcome import Outcome, Quantity, Refusal
from abate.quantify.record import ORDER, Problem, Record, day_of, read_record
from abate.quantify.rounding import mg_down, mg_up

__all__ = ["quantify_one", "read_record", "score"]

_Decided: TypeAlias = tuple[Quantity, Callable[[], Explanation]]

BEFOREHAND = "P-7.2-d"
HISTORY = f"history:{BEFOREHAND}"
NO_REDUCTION = "no_reduction:P-7.2-a"
RESULT = "result"
"""Stands for the field in `out_of_range:result`: an amount past 64 bits of milligrams."""


def quantify_one(
    record: Mapping[str, object], method_id: str, catalogue: Catalogue, setting: Setting
) -> tuple[Quantity, Explanation]:
    """The result of one activity record and why it is so. A bad record is refused, never raised.

    Raises KeyError where `method_id` is no methodology of the catalogue.
    """
    quantity, explanation = _decide(record, method_id, catalogue, setting)
    return quantity, explanation()


def score(record: Mapping[str, object], method_id: str, catalogue: Catalogue, setting: Setting) -> Quantity:
    """The result alone, where nobody reads the explanation now; `quantify_one` gives the same result."""
    return _decide(record, method_id, catalogue, setting)[0]


def _decide(record: Mapping[str, object], method_id: str, catalogue: Catalogue, setting: Setting) -> _Decided:
    method = _version(record, method_id, catalogue, setting)
    found = read_record(method, record, setting.zone)
    if isinstance(found, tuple):
        return _refused(Start(method, catalogue.registry, setting, None), found)
    start = Start(method, catalogue.registry, setting, found)
    if catalogue.in_force(method_id, found.day) is None:
        problem = _not_in_force(method, catalogue.methods[method_id], found.day)
        return _refused(start, (problem,), in_force=False)
    resolution = resolve(method, catalogue.registry, setting, found.day)
    if closed := resolution.closed:
        shut = _without_amounts(Outcome.NOT_COUNTED, CLOSED, method)
        return shut, lambda: explain_build.closed(start, shut, closed)
    if lacking := resolution.refusal():
        code, name = lacking
        return _refused(start, (Problem(code, name, resolution.notes[name]),))
    if resolution.missing:
        name = resolution.missing[0]
        quantity = _without_amounts(Outcome.NEEDS_FIGURE, f"no_figure:{name}", method)
        return quantity, lambda: explain_build.needs_figure(start, quantity, name, resolution)
    return _computed(start, method, found, resolution)


def _version(record: object, method_id: str, catalogue: Catalogue, setting: Setting) -> Method:
    """The version in force on the record's day; where that day is unknown or uncovered, the newest."""
    newest = catalogue.newest(method_id)
    if not isinstance(record, Mapping):
        return newest
    day = day_of(newest.activity, record, setting.zone)
    return (catalogue.in_force(method_id, day) if day else None) or newest


def _computed(start: Start, method: Method, record: Record, resolution: Resolution) -> _Decided:
    figures = resolution.walked_with
    for recognition in method.recognition:
        checking = Evaluation(method, record, figures)
        if not checking.test(recognition.test):
            reason = f"{recognition.id}:{recognition.clause.id}"
            quantity = _without_amounts(Outcome.NOT_COUNTED, reason, method)
            return quantity, partial(
                explain_build.not_counted, start, quantity, recognition, checking, resolution
            )
    evaluation = Evaluation(method, record, figures)
    be, pe, le = (evaluation.formula(name) for name in ("BE", "PE", "LE"))
    rule = evaluation.rule()
    er = evaluation.formula(rule.formula if rule else "ER")
    if name := resolution.first_lacking(evaluation.read):
        if name in resolution.overdue:
            return _refused(start, (Problem(Refusal.FACTOR_PAST_REVIEW, name, resolution.notes[name]),))
        lacks = _without_amounts(Outcome.NEEDS_FIGURE, resolution.reason_lacking(name), method)
        return lacks, partial(explain_build.needs_figure, start, lacks, name, resolution)
    milligrams = (mg_down(be), mg_up(pe), mg_up(le), mg_down(er))
    if not all(-INT64 - 1 <= amount <= INT64 for amount in milligrams):
        return _refused(start, (_too_large(),))
    figures_read = resolution.factor_ids(evaluation.read)
    quantity = _amounts(method, record.day, milligrams, er > 0, figures_read)
    return quantity, lambda: explain_build.computed(start, quantity, evaluation, rule, resolution)


def _amounts(
    method: Method, day: date, milligrams: tuple[int, int, int, int], above: bool, factors: str
) -> Quantity:
    be, pe, le, er = milligrams
    counted = above or method.project_total
    reason = None if counted else NO_REDUCTION
    return Quantity(
        outcome=Outcome.COUNTED if counted else Outcome.NOT_BELOW_BASELINE,
        reason=HISTORY if day < method.published else reason,
        be_mg=be,
        pe_mg=pe,
        le_mg=le,
        er_mg=er,
        method=method.id,
        method_version=method.version,
        factors=factors,
    )


def _without_amounts(outcome: Outcome, reason: str, method: Method) -> Quantity:
    return Quantity(outcome, reason, None, None, None, None, method.id, method.version, "")


def _refused(start: Start, problems: tuple[Problem, ...], in_force: bool = True) -> _Decided:
    first = min(problems, key=lambda p: ORDER[p.code])
    version = start.method.version if in_force else None
    quantity = Quantity(Outcome.REFUSED, first.reason, None, None, None, None, start.method.id, version, "")
    return quantity, lambda: explain_build.refused(start, quantity, problems)


def _too_large() -> Problem:
    return Problem(
        Refusal.OUT_OF_RANGE,
        RESULT,
        Text("结果超出 64 位毫克数", "an amount is more milligrams than 64 bits hold"),
    )


def _not_in_force(method: Method, versions: tuple[Method, ...], day: date) -> Problem:
    spans_zh = "；".join(
        f"第 {m.version} 版自 {m.in_force_from} 至 {m.in_force_to or '今'}" for m in versions
    )
    spans_en = "; ".join(
        f"version {m.version} from {m.in_force_from} to {m.in_force_to or 'now'}" for m in versions
    )
    return Problem(
        Refusal.NO_METHOD_IN_FORCE,
        method.activity.dated_by,
        Text(
            f"{day} 没有有效的方法学版本（{spans_zh}）；基准线须事先识别 [{BEFOREHAND}]",
            f"no version is in force on {day} ({spans_en}); a baseline is identified beforehand [{BEFOREHAND}]",
        ),
    )
