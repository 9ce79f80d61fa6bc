"""The template language of the pages: texts in both languages, figures, dates, icons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from abate.platform.web import amounts, cases, devices, icons, marks, story, wording

register = template.Library()


@register.simple_tag
def t(zh: str, en: str, **values: object) -> SafeString:
    """`{% t "还有 {n} 条" "{n} more" n=rest %}`: literals are ours, values are escaped."""
    text = conditional_escape(en if wording.english() else zh)
    # Escaped: the literal as far as it is not a template's own, and every value.
    return mark_safe(text.format(**{k: conditional_escape(v) for k, v in values.items()}) if values else text)  # noqa: S308


@register.filter
def pick(pair: wording.Pair) -> str:
    return wording.pick(pair)


@register.filter
def behaviour(id: str) -> str:
    """The title of its methodology; what is none stays as it was sent."""
    return story.title_of(id)


@register.simple_tag
def field_name(behaviour: str, name: str) -> str:
    """A field of a record as its methodology calls it, with its name as it is sent; an unknown one stays as it is."""
    said = cases.field_of(behaviour, name)
    return f"{said} ({name})" if said else name


@register.filter
def behaviours(ids: Iterable[str]) -> str:
    return " · ".join(story.title_of(one) for one in ids)


@register.filter
def outcome(state: str) -> str:
    """What became of an event, in words; a state that has none stays as it is."""
    return wording.pick(story.STATES.get(state, (state, state)))


@register.filter
def device(agent: str) -> str:
    """Browser and system in words."""
    return devices.words(agent)


@register.filter
def uses(names: Iterable[str]) -> str:
    """What a source of public data may be used for (events/sources.py), in words."""
    return " · ".join(wording.pick(marks.USES[one]) for one in names)


@register.filter
def recipients(names: Iterable[str]) -> str:
    """Who may be told figures that hold a source's data: anyone or a party's code, perhaps for one kind of purpose."""
    found = []
    for party, _, kind in (one.partition(":") for one in names):
        who = wording.say("任何机构", "any party") if party == "*" else party
        found.append(f"{who}（{wording.pick(marks.PURPOSES[kind])}）" if kind and not wording.english() else
                     f"{who} ({wording.pick(marks.PURPOSES[kind])})" if kind else who)  # fmt: skip
    return " · ".join(found)


@register.filter
def dated(text: str) -> date:
    """The day that a mark, shown as it travels (events/sources.py), says in ISO."""
    return date.fromisoformat(text)


@register.filter
def mass(mg: int) -> str:
    return amounts.mass(mg)


@register.filter
def exact(mg: int) -> str:
    return amounts.exact(mg)


@register.filter
def figure(mg: int) -> str:
    return amounts.parts(mg)[0]


@register.filter
def unit(mg: int) -> str:
    return amounts.parts(mg)[1]


@register.filter
def count(number: int) -> str:
    return amounts.count(number)


@register.filter
def credits(number: int) -> str:
    return amounts.credits(number)


@register.filter
def signed(number: int) -> str:
    return amounts.signed(number)


@register.filter
def day(value: date) -> str:
    return amounts.day(value)


@register.filter
def month(value: date) -> str:
    return amounts.month(value)


@register.filter
def weekday(value: date) -> str:
    return amounts.weekday(value)


@register.filter
def moment(value: datetime) -> str:
    return amounts.moment(value)


@register.filter
def clocktime(value: datetime) -> str:
    return amounts.time_of_day(value)


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon beside a text that says the same: hidden from screen readers."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>',
        icons.path(name),
    )
