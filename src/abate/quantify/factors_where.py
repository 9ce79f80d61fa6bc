"""Where a number comes from: by factor id, by the id a result names, or by the value as it is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from abate.quantify.catalogue import Catalogue
from abate.quantify.factors_registry import Factor, Pack
from abate.quantify.method import Method, Parameter
from abate.quantify.units import decimal_text


@dataclass(frozen=True, slots=True)
class Place:
    """One figure with its document and the place in it; `taken_by` are methodologies and parameters."""

    id: str
    value: str
    unit: str
    what: str
    document: str
    place: str
    seen: str
    dates: str
    taken_by: tuple[str, ...]


def places(wanted: str, catalogue: Catalogue, packs: tuple[Pack, ...] = ()) -> list[Place]:
    """Factors, own values of methodologies and figures of packs that have this id or this printed value."""
    shipped = tuple(catalogue.pack(p.stem) for p in sorted((catalogue.folder / "packs").glob("*.yaml")))
    found = [
        _factor(f, catalogue) for f in catalogue.registry.factors.values() if wanted in (f.id, f.value_text)
    ]
    for versions in catalogue.methods.values():
        for method in versions:
            for parameter in method.parameters.values():
                found += list(_own(method, parameter, wanted, catalogue))
    for pack in (*shipped, *packs):
        found += list(_figures(pack, wanted))
    return found


def takers(factor: Factor, catalogue: Catalogue) -> Iterator[str]:
    """`method.parameter` of every newest version that may take the factor, with how."""
    for versions in catalogue.methods.values():
        method = versions[-1]
        for name, parameter in method.parameters.items():
            s = parameter.selection
            if s is None:
                continue
            if factor.id in (s.factor, s.before):
                yield f"{method.id}.{name}"
            elif s.family and s.family == factor.family:
                yield f"{method.id}.{name} (newest published of {s.family})"
            elif factor.id in s.candidates:
                yield f"{method.id}.{name} (candidate)"


def _factor(f: Factor, catalogue: Catalogue) -> Place:
    dates = [f"published {f.published or 'on a day not known'}"]
    dates += [f"describes {f.period_from} to {f.period_to}"] if f.period_from else []
    dates += [f"superseded by {f.superseded_by}"] if f.superseded_by else []
    dates += [f"review by {f.review_by}"] if f.review_by else []
    notes = f" ({f.notes})" if f.notes else ""
    return Place(
        id=f.id,
        value=f.value_text,
        unit=f.unit,
        what=f"{f.name.zh} · {f.name.en}; {f.kind}, {f.gas}, {f.region}, grade {f.grade}",
        document=f.source,
        place=f.place,
        seen=f"{f.confidence}: {f.where_seen}{notes}",
        dates="; ".join(dates),
        taken_by=tuple(takers(f, catalogue)),
    )


def _own(method: Method, parameter: Parameter, wanted: str, catalogue: Catalogue) -> Iterator[Place]:
    name = f"{method.id}.{parameter.name}"
    for value in parameter.values:
        if wanted in (name, decimal_text(value.value)):
            document = catalogue.registry.documents[value.source]
            yield Place(
                id=f"{name} v{method.version}",
                value=decimal_text(value.value),
                unit=parameter.unit,
                what=f"{parameter.meaning.zh} · {parameter.meaning.en}"
                + ("; a policy limit of this project" if parameter.policy else ""),
                document=f"{document.title.zh} · {document.title.en}",
                place=value.place,
                seen="",
                dates=f"in force from {value.start} to {value.end or 'further notice'}",
                taken_by=(name,),
            )


def _figures(pack: Pack, wanted: str) -> Iterator[Place]:
    for f in pack.figures:
        identity = f"pack:{pack.id}/{f.method}.{f.parameter}"
        if wanted in (identity, f.value_text) and (f.value is not None or wanted == identity):
            yield Place(
                id=identity,
                value=f.value_text or f"that of {f.factor}",
                unit=f.unit,
                what="an illustration, not a real figure" if pack.illustration else "the operator's figure",
                document=f.document or f"factor {f.factor}",
                place=f.place or "see the factor",
                seen="",
                dates=f"from {f.start or 'ever'} to {f.end or 'further notice'}",
                taken_by=(f"{f.method}.{f.parameter}",),
            )
