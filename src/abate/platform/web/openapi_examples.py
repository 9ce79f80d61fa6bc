"""Examples of the interface's description, in Chinese and English: what is sent, what is answered, and refusals as told.

They are data (examples/*.json), taken from a day of a made-up city that a test lives through again and holds them
against. Each stands once among the components; what carries words that people wrote stands there in both languages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from abate.platform.events.reasons import REASONS
from abate.platform.web import openapi_refusals, problems, refusals

Json = dict[str, Any]
LANGUAGES = ("zh", "en")
PROBLEM = "application/problem+json"
_FOLDER = Path(__file__).parent / "examples"
_SUBJECTS = ("events", "parties", "people", "staff")
_AT = "#/components/examples/"


def add_to(made: Json) -> None:
    """Write the examples into a whole description."""
    kept: Json = {}
    for label, told, operation in _places(made):
        for media, described in told.get("content", {}).items():
            named = _refusal(label, operation, kept) if media == PROBLEM else _of(label, media, kept)
            if named:
                told["content"] = told["content"] | {media: described | {"examples": named}}
    made["components"]["examples"] = kept


def _places(made: Json) -> Iterator[tuple[str, Json, Json]]:
    """What has content: the bodies by `GET /address` or a webhook's name, the answers with their status behind it."""
    every = [(path, path, one) for path, one in made["paths"].items()]
    for name, path, methods in [*every, *((name, "", one) for name, one in made["webhooks"].items())]:
        for method, operation in methods.items():
            label = f"{method.upper()} {path}" if path else name
            if "requestBody" in operation:
                yield label, operation["requestBody"], operation
            for status, answer in operation["responses"].items():
                yield f"{label} {status}", answer, operation


def _refusal(label: str, operation: Json, kept: Json) -> Json | None:
    """A refusal in both languages; its documents are put among `kept`."""
    address, _, status = label.rpartition(" ")
    code = openapi_refusals.code(address, status, operation)
    if code is None:
        return None
    line = problems.lines()[code]
    for place, language in enumerate(LANGUAGES):
        document = {
            "type": refusals.type_of(code),
            "title": line.what[place],
            "status": line.status,
            "code": code,
            "remedy": line.remedy[place],
        }
        kept[f"{code}.{language}"] = {"value": document}
    return {language: {"$ref": f"{_AT}{code}.{language}"} for language in LANGUAGES}


def _of(label: str, media: str, kept: Json) -> Json | None:
    """What a body or an answer is shown with: its own for this kind of media, else the one for every kind."""
    shown = _shown(settings.ABATE_ORIGIN)
    one = shown.get(f"{label} {media}") or shown.get(label)
    if one is None:
        return None
    same = one.texts["zh"] == one.texts["en"]
    names = {language: one.name if same else f"{one.name}.{language}" for language in LANGUAGES}
    kept |= {name: one.texts[language] for language, name in names.items()}
    return {
        language: {"$ref": _AT + name, "summary": one.summary[language]} for language, name in names.items()
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """An example: by language its title, and what is shown (`value`, or `externalValue` where it is no text)."""

    name: str
    summary: dict[str, str]
    texts: dict[str, Json]


@lru_cache(maxsize=2)
def _shown(origin: str) -> dict[str, Shown]:
    """The examples by where they stand. `origin` is this installation's address, which they name as ORIGIN."""
    found: dict[str, Shown] = {}
    for subject in _SUBJECTS:
        text = (_FOLDER / f"{subject}.json").read_text(encoding="utf-8").replace("ORIGIN", origin)
        told = json.loads(text)
        for one in told["examples"]:
            texts = {
                language: {name: _in(language, one[name], told["words"])}
                for language in LANGUAGES
                for name in ("value", "externalValue")
                if name in one
            }
            made = Shown(one["name"], {language: one[language] for language in LANGUAGES}, texts)
            found |= dict.fromkeys(one["of"], made)
    return found


def _in(language: str, value: Any, words: dict[str, str]) -> Any:
    """A value in a language: what people wrote by `words`, Chinese to English; why an event was refused as it is told."""
    if isinstance(value, list):
        return [_in(language, one, words) for one in value]
    if isinstance(value, dict):
        made = {name: _in(language, one, words) for name, one in value.items()}
        known = REASONS.get(str(made.get("reason")).partition(":")[0]) if "remedy" in made else None
        return (
            made | {"detail": known.text(language), "remedy": known.remedy_text(language)} if known else made
        )
    return words.get(value, value) if language == "en" and isinstance(value, str) else value
