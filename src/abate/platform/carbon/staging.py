"""Measured events as lines of PostgreSQL's text format, for the staging table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from abate.bookkeeping.leaf import json_text, time_text
from abate.platform.carbon.measure import Measured
from abate.platform.events.outcomes import Outcome

_NULLS = "\\N\t\\N\t\\N\t\\N"
# What PostgreSQL's text format reads as its own: the end of a column or a line, and the escape itself.
_MEANT = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def lines(
    measured: Iterable[Measured],
    bases: Mapping[tuple[str, int, str], int],
    who: Mapping[tuple[str, str], int],
    party: str,
) -> Iterator[str]:
    """One line for each event, in the column order of `copy_stage`.

    Whatever a text holds, it cannot end its column or its line: a partner's text never becomes a row.
    """
    before = f',"party":{json_text(party)},"event":'
    after = {key: f',"version":{key[1]},"factors":{json_text(key[2])}}}' for key in bases}
    for one in measured:
        event = one.event
        key = (event.behaviour, one.version, one.factors)
        basis = bases[key] if one.record and one.version else "\\N"
        be, pe, le, er = one.amounts
        amounts = _NULLS if er is None else f"{be}\t{pe}\t{le}\t{er}"
        digest = "\\\\x" + one.digest.hex() if one.digest else "\\N"
        moment = time_text(event.time)
        number = who[event.subject, event.behaviour]
        part = "\\N"
        if one.outcome == Outcome.CREDITED:
            # leaf.personal_award, what many events share written once; a test holds both spellings together.
            personal = (
                f'{{"subject":{_quoted(event.subject)}{before}{_quoted(event.id)},"behaviour":"{event.behaviour}",'
                f'"occurred_at":"{moment}","record":{one.record},"er_mg":{er}{after[key]}'
            )
            part = "\\\\x" + sha256(personal.encode()).hexdigest()
        yield (
            f"{event.place}\t{number}\t{basis}\t{one.outcome:d}\t{moment}\t{amounts}\t"
            f"{_escaped(event.id)}\t{part}\t{digest}\t{_escaped(one.record)}\t{_escaped(one.reason)}\n"
        )


def _quoted(text: str) -> str:
    """json_text, quickly where nothing in it needs escaping."""
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else json_text(text)


def _escaped(text: str | None) -> str:
    if text is None:
        return "\\N"
    return text if text.isprintable() and "\\" not in text else text.translate(_MEANT)


def subjects(measured: Iterable[Measured]) -> list[tuple[str, str]]:
    """The (subject, behaviour) of a batch, each once."""
    return list(dict.fromkeys((m.event.subject, m.event.behaviour) for m in measured))


def arrays(subjects: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The subjects and the behaviours, each as an array in PostgreSQL's text form."""
    columns: Iterable[tuple[str, ...]] = zip(*subjects, strict=True) if subjects else ((), ())
    names, behaviours = (_array(column) for column in columns)
    return names, behaviours


def _array(texts: Iterable[str]) -> str:
    escaped = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return f'{{"{escaped}"}}' if escaped else "{}"


def used(measured: Iterable[Measured]) -> list[tuple[str, int, str]]:
    """The (behaviour, version, factors) that a batch rests on, sorted."""
    return sorted({(m.event.behaviour, m.version, m.factors) for m in measured if m.record and m.version})
