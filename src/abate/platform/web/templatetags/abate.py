"""The template language of the pages: texts in both languages, figures, dates, icons."""

from __future__ import annotations

from datetime import date, datetime

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from abate.platform.web import amounts, icons, wording

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
