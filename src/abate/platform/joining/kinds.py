"""Kinds of party and what each must bring, from kinds.toml: pages, interface, command and checks all ask here. (P-6.2, P-6.3)"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from abate.platform.parties.models import Party

Words = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """`title` is (Chinese, English); a dated one has a last day."""

    name: str
    title: Words
    dated: bool


@dataclass(frozen=True, slots=True)
class Duty:
    name: str
    title: Words
    clause: str


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of party, or a grant: `documents` document -> clause; `must` and `may` are grants (of a kind only)."""

    name: str
    title: Words
    documents: Mapping[str, str]
    duties: tuple[str, ...]
    must: frozenset[str]
    may: frozenset[str]
    conformance: bool


@dataclass(frozen=True, slots=True)
class Kinds:
    terms: str
    terms_title: Words
    documents: Mapping[str, DocumentKind]
    duties: Mapping[str, Duty]
    grants: Mapping[str, Role]
    kinds: Mapping[str, Role]

    def _parts(self, kind: str, grants: Iterable[str]) -> list[Role]:
        return [self.kinds[kind], *(self.grants[one] for one in sorted(set(grants)))]

    def required(self, kind: str, grants: Iterable[str]) -> dict[str, str]:
        """document -> clause: what a party of this kind with these grants must bring."""
        found: dict[str, str] = {}
        for part in self._parts(kind, grants):
            for document, clause in part.documents.items():
                found.setdefault(document, clause)
        return found

    def duties_of(self, kind: str, grants: Iterable[str]) -> list[str]:
        """The duties that its agreement names."""
        return list(dict.fromkeys(duty for part in self._parts(kind, grants) for duty in part.duties))

    def needs_conformance(self, kind: str, grants: Iterable[str]) -> bool:
        """Whether the sandbox must have shown that its events are right before it has a live key."""
        return any(part.conformance for part in self._parts(kind, grants))


def read(text: str) -> Kinds:
    """The kinds in `text`. Raises ValueError for a word that is not explained."""
    data = tomllib.loads(text)
    documents = {n: DocumentKind(n, (d["zh"], d["en"]), d["dated"]) for n, d in data["documents"].items()}
    duties = {n: Duty(n, (d["zh"], d["en"]), d["clause"]) for n, d in data["duties"].items()}
    grants = {n: _role(n, raw) for n, raw in data["grants"].items()}
    kinds = {n: _role(n, raw) for n, raw in data["kinds"].items()}
    for role in (*grants.values(), *kinds.values()):
        _known(f"{role.name}: document", role.documents, documents)
        _known(f"{role.name}: duty", role.duties, duties)
        _known(f"{role.name}: grant", role.must | role.may, grants)
        if not role.must <= role.may and role.name in kinds:
            raise ValueError(f"{role.name}: what it must have is not what it may have")
    _known("kind", kinds, Party.Kind.values)
    _known("kind left out", Party.Kind.values, kinds)
    _known("grant", grants, Party.Grant.values)
    terms = data["terms"]
    return Kinds(terms["version"], (terms["zh"], terms["en"]), documents, duties, grants, kinds)


def _role(name: str, raw: dict) -> Role:
    return Role(
        name,
        (raw["zh"], raw["en"]),
        dict(raw["documents"]),
        tuple(raw["duties"]),
        frozenset(raw.get("must", ())),
        frozenset(raw.get("may", ())),
        bool(raw.get("conformance", False)),
    )


def _known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{what} {unknown[0]!r} is not known")


@lru_cache(maxsize=1)
def kinds() -> Kinds:
    """The kinds in force."""
    return read((Path(__file__).parent / "kinds.toml").read_text(encoding="utf-8"))
