"""Both languages side by side: every text of the pages is written twice where it is used.

Chinese is the first language, English is complete by construction: the tag `t` and `say` take both texts or
do not run. No catalogue, no compiling step, no message that could be missing. A third language would turn the
Chinese text into the key of a gettext catalogue.
"""

from __future__ import annotations

from django.utils.translation import get_language

Pair = tuple[str, str]


def english() -> bool:
    """Whether the present request is answered in English; everything else is answered in Chinese."""
    return (get_language() or "").startswith("en")


def say(zh: str, en: str, **values: object) -> str:
    """The text in the present language, `{name}` filled from `values`. Plain text: templates escape it."""
    text = en if english() else zh
    return text.format(**values) if values else text


def pick(pair: Pair) -> str:
    """The member of a (Chinese, English) pair in the present language."""
    return pair[1] if english() else pair[0]
