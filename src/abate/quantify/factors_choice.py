"""How one parameter finds its figure on a given day, and why that one.

A factor applies from its publication until it is superseded; the period it describes is another thing and
selects nothing. What was chosen, from where and why travels with the value, so every figure explains
itself.
"""

from __future__ import annotations

from datetime import date

from abate.quantify import units
from abate.quantify.factors_registry import Chosen, Factor, Figure, Pack, Registry, Setting, admits
from abate.quantify.method import DatedValue, Method, Parameter, Text


def own(parameter: Parameter, registry: Registry, day: date) -> Chosen | Text:
    """The methodology's own value on `day`; values are read as gapless, so only days before the first
    have none."""
    for value in parameter.values:
        if value.start <= day and (value.end is None or day <= value.end):
            return _own_chosen(parameter, registry, value)
    first = parameter.values[0].start.isoformat()
    return Text(
        f"参数 {parameter.name} 自 {first} 起才有数值",
        f"parameter {parameter.name} has values from {first} on only",
    )


def _own_chosen(parameter: Parameter, registry: Registry, value: DatedValue) -> Chosen:
    document = registry.documents[value.source]
    return Chosen(
        parameter=parameter.name,
        value=value.value,
        id=None,
        printed=units.decimal_text(value.value),
        printed_unit=parameter.unit,
        document=document.title,
        place=value.place,
        grade="policy" if parameter.policy else (parameter.grade or "standard"),
        illustration=False,
        reason=Text(
            f"方法学自身规定的数值，自 {value.start.isoformat()} 起适用",
            f"the methodology's own value, in force from {value.start.isoformat()}",
        ),
    )


def select(
    method: Method, parameter: Parameter, registry: Registry, setting: Setting, day: date
) -> tuple[Chosen | Text, bool]:
    """The figure a selection finds, or why none; the flag says whether the operator could supply it."""
    selection = parameter.selection
    assert selection is not None
    if selection.own_values and setting.pack:
        figure = _figure(method, parameter, registry, setting, day)
        if figure:
            return _from_figure(method, parameter, registry, setting.pack, figure), True
    if selection.rule == "operator":
        return _operator(method, parameter, registry, setting, day), True
    if selection.rule == "fixed":
        factor = registry.factors[selection.factor]
        found: Chosen | Text = _from_factor(parameter, factor, _named_reason(parameter, factor))
    else:
        found = _newest(parameter, registry, setting, setting.on or day)
    if isinstance(found, Text) or admits(setting.floor, found.grade):
        return found, False
    return _operator(method, parameter, registry, setting, day), True


def _named_reason(parameter: Parameter, factor: Factor) -> Text:
    if parameter.named_by:
        return Text(
            f"条款 {parameter.named_by.id}（{parameter.named_by.place}）指定的文件所载",
            f"printed in the document that clause {parameter.named_by.id} ({parameter.named_by.place}) names",
        )
    return Text(f"方法学指定 {factor.id}", f"the methodology names {factor.id}")


def _newest(parameter: Parameter, registry: Registry, setting: Setting, day: date) -> Chosen | Text:
    """Newest published by `day`: the region's where one is out, else the national one, else the named
    earlier figure."""
    selection = parameter.selection
    assert selection is not None
    family = registry.family(selection.family)
    region = registry.region(setting.region) if selection.regional else None
    national = family[0].region.partition("-")[0]
    if region and region != national:
        regional = tuple(f for f in family if f.region == region)
        if not regional:
            return Text(
                f"地区“{setting.region}”没有 {selection.family} 因子；`abate factors list` 可查{_named(parameter)}",
                f"region {setting.region!r} has no factor of {selection.family}; "
                f"`abate factors list` shows the regions that have one{_named(parameter)}",
            )
        best = _latest(regional, registry, day)
        if best:
            return _from_factor(parameter, best, _newest_reason(best, "regional"))
    best = _latest(tuple(f for f in family if f.region == national), registry, day)
    if best:
        return _from_factor(
            parameter, best, _newest_reason(best, "fallback" if region not in (None, national) else "")
        )
    if selection.before:
        return _from_factor(parameter, registry.factors[selection.before], _before_reason(parameter))
    return Text(
        f"到该日尚未公布任何 {selection.family} 因子{_named(parameter)}",
        f"no factor of {selection.family} had been published by that day{_named(parameter)}",
    )


def _named(parameter: Parameter) -> str:
    """The clause that asks for this figure, where the methodology names one."""
    return f" [{parameter.named_by.id}, {parameter.named_by.place}]" if parameter.named_by else ""


def _latest(factors: tuple[Factor, ...], registry: Registry, day: date) -> Factor | None:
    out = [f for f in factors if f.published and f.published <= day and not _over(f, registry, day)]
    return max(out, key=lambda f: (f.published, f.period_to or date.min), default=None)


def _over(factor: Factor, registry: Registry, day: date) -> bool:
    end = registry.ends(factor)
    return end is not None and end <= day


def _newest_reason(factor: Factor, how: str) -> Text:
    assert factor.published is not None
    on = factor.published.isoformat()
    if how == "regional":
        return Text(
            f"所选地区最新公布的因子（{on} 公布）", f"newest published for the chosen region (published {on})"
        )
    if how == "fallback":
        return Text(
            f"所选地区当时尚无已公布的因子，改用最新公布的全国因子（{on} 公布）",
            f"the chosen region had none published yet: newest published national figure (published {on})",
        )
    return Text(f"最新公布的全国因子（{on} 公布）", f"newest published national figure (published {on})")


def _before_reason(parameter: Parameter) -> Text:
    clause = parameter.named_by
    zh, en = (f"条款 {clause.id}", f"clause {clause.id}") if clause else ("方法学", "the methodology")
    return Text(
        f"当时官方尚未公布因子，采用{zh}给出的数值",
        f"no official figure had been published yet: the value that {en} gives",
    )


def _from_factor(parameter: Parameter, factor: Factor, reason: Text) -> Chosen:
    return Chosen(
        parameter=parameter.name,
        value=factor.value * units.ratio(factor.unit, parameter.unit),
        id=factor.id,
        printed=factor.value_text,
        printed_unit=factor.unit,
        document=Text(factor.source, factor.source),
        place=factor.place,
        grade=parameter.grade or factor.grade,
        illustration=False,
        reason=reason,
        factor=factor,
    )


def _operator(
    method: Method, parameter: Parameter, registry: Registry, setting: Setting, day: date
) -> Chosen | Text:
    """The operator's figure; else, where the floor admits candidates of the methodology, the conservative
    one."""
    figure = _figure(method, parameter, registry, setting, day)
    selection = parameter.selection
    assert selection is not None
    if figure and setting.pack:
        found_there = _from_figure(method, parameter, registry, setting.pack, figure)
        if not selection.least or admits(selection.least, found_there.grade):
            return found_there
        return _too_low(parameter, found_there, selection.least)
    names = selection.candidates or tuple(n for n in (selection.factor,) if n)
    found = [
        registry.factors[n]
        for n in names
        if admits(setting.floor, grade := parameter.grade or registry.factors[n].grade)
        and admits(selection.least or grade, grade)
    ]
    if found:
        pick = max if selection.conservative == "high" else min
        best = pick(found, key=lambda f: (f.value * units.ratio(f.unit, parameter.unit), f.id))
        word = ("最高", "highest") if selection.conservative == "high" else ("最低", "lowest")
        return _from_factor(
            parameter,
            best,
            Text(
                f"候选因子中按保守性取{word[0]}者", f"the conservative ({word[1]}) of the admitted candidates"
            ),
        )
    return _advice(parameter, setting, names)


def _too_low(parameter: Parameter, found: Chosen, least: str) -> Text:
    advice = parameter.selection.advice if parameter.selection else None
    return Text(
        f"数据包给出的 {parameter.name}（{found.document.zh}）等级为“{found.grade}”，此处至少须为“{least}”。"
        + (advice.zh if advice else ""),
        f"the pack's {parameter.name} ({found.document.en}) has grade {found.grade}; here it must be {least} "
        f"or better. " + (advice.en if advice else ""),
    )


def _advice(parameter: Parameter, setting: Setting, names: tuple[str, ...]) -> Text:
    selection = parameter.selection
    advice = selection.advice if selection else None
    listed = "、".join(names), ", ".join(names)
    zh = f"没有等级达到“{setting.floor}”的数值，需要运营方提供 {parameter.name}（{parameter.unit}）。"
    asked = f"{parameter.name} ({parameter.unit})"
    en = f"no figure of grade {setting.floor} or better: the operator must supply {asked}. "
    if names:
        zh += f"已找到但等级不足：{listed[0]}。"
        en += f"Found, but below that grade: {listed[1]}. "
    return Text(zh + (advice.zh if advice else ""), (en + (advice.en if advice else "")).strip())


def _figure(
    method: Method, parameter: Parameter, registry: Registry, setting: Setting, day: date
) -> Figure | None:
    """The figure of the pack for this day: the region's own before the one for everywhere."""
    region = registry.region(setting.region)
    found: Figure | None = None
    for figure in setting.pack.figures if setting.pack else ():
        if (figure.method, figure.parameter) != (method.id, parameter.name):
            continue
        if (figure.start and day < figure.start) or (figure.end and day > figure.end):
            continue
        if figure.region == region and region is not None:
            return figure
        if figure.region is None:
            found = figure
    return found


def _from_figure(
    method: Method, parameter: Parameter, registry: Registry, pack: Pack, figure: Figure
) -> Chosen:
    factor = registry.factors[figure.factor] if figure.factor else None
    if factor:
        value, printed, unit = factor.value, factor.value_text, factor.unit
        document, place = Text(factor.source, factor.source), factor.place
    else:
        assert figure.value is not None  # of an estimate: its lower bound
        value, printed, unit = figure.value, figure.value_text, figure.unit
        document, place = Text(figure.document, figure.document), figure.place
    return Chosen(
        parameter=parameter.name,
        value=value * units.ratio(unit, parameter.unit),
        id=f"pack:{pack.id}/{method.id}.{parameter.name}",
        printed=printed,
        printed_unit=unit,
        document=document,
        place=place,
        grade=factor.grade if factor else "operator",
        illustration=pack.illustration,
        reason=_pack_reason(pack, figure),
        factor=factor,
        review_by=figure.estimate.review_by if figure.estimate else None,
    )


def _pack_reason(pack: Pack, figure: Figure) -> Text:
    zh, en = f"运营方数据包“{pack.titles.zh}”", f"operator pack “{pack.titles.en}”"
    if figure.note:
        zh, en = f"{zh}：{figure.note.zh}", f"{en}: {figure.note.en}"
    if figure.estimate:
        used = figure.estimate.provenance()
        zh, en = f"{zh}：{used.zh}", f"{en}: {used.en}"
    if pack.illustration:
        zh, en = f"{zh}（示例数据，非真实数据）", f"{en} (an illustration, not a real figure)"
    return Text(zh, en)
