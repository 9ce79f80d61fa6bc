"""Who may do what, from rights.toml. Pages, interfaces and exports ask here and nowhere else. Clause P-8.4-c."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from abate.platform.review import queries
from abate.platform.review.errors import NoRight
from abate.platform.review.models import User

ACTS = frozenset({"add", "delete", "change", "view"})
STEPS = ("propose", "check", "approve", "reject")


@dataclass(frozen=True, slots=True)
class Role:
    """`rights`: thing -> what may be done with it; `labels`: which fields of it are shown."""

    name: str
    zh: str
    en: str
    side: str
    labels: frozenset[str]
    rights: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Rights:
    """`things`: thing -> field -> label. `changes`: name of a change, or `other` -> step -> roles."""

    labels: tuple[str, ...]
    things: Mapping[str, Mapping[str, str]]
    roles: Mapping[str, Role]
    changes: Mapping[str, Mapping[str, tuple[str, ...]]]


def read(text: str) -> Rights:
    """The rights in `text`. Raises ValueError for a word that means nothing: a typing error must not grant or hide."""
    data = tomllib.loads(text)
    labels = tuple(data["labels"])
    things = {name: dict(thing["fields"]) for name, thing in data["things"].items()}
    roles = {}
    for name, raw in data["roles"].items():
        rights = {thing: frozenset(acts) for thing, acts in raw["rights"].items()}
        role = Role(name, raw["zh"], raw["en"], raw["side"], frozenset(raw["labels"]), rights)
        _known(f"role {name}: thing", rights, things)
        _known(f"role {name}: act", frozenset().union(*rights.values()), ACTS)
        _known(f"role {name}: label", role.labels, labels)
        _known(f"role {name}: side", [role.side], ("administration", "operation"))
        roles[name] = role
    for name, fields in things.items():
        _known(f"thing {name}: label", fields.values(), labels)
    changes = {}
    for name, steps in data["changes"].items():
        _known(f"change {name}: step", steps, STEPS)
        for step in steps.values():
            _known(f"change {name}: role", step, roles)
        changes[name] = {step: tuple(names) for step, names in steps.items()}
    return Rights(labels, things, roles, changes)


def _known(what: str, given: object, known: object) -> None:
    unknown = sorted(set(given) - set(known))  # type: ignore[call-overload]
    if unknown:
        raise ValueError(f"{what} {unknown[0]!r} is not known; known are {', '.join(sorted(known))}")  # type: ignore[call-overload]


@lru_cache(maxsize=1)
def rights() -> Rights:
    return read((Path(__file__).parent / "rights.toml").read_text(encoding="utf-8"))


def _roles(user: User) -> list[Role]:
    return [rights().roles[name] for name in queries.roles(user)]


def may(user: User, act: str, thing: str) -> bool:
    """Whether `user` may `act` (add, delete, change, view) on things of this kind now."""
    return bool(of_each(user, act, (thing,)))


def of_each(user: User, act: str, things: Iterable[str]) -> set[str]:
    """Of these kinds of things those that `user` may `act` on now; the roles are asked for once."""
    held = _roles(user)
    return {thing for thing in things if any(act in role.rights.get(thing, ()) for role in held)}


def humans(act: str, thing: str) -> int:
    """How many people may `act` on things of this kind now, under whatever accounts."""
    return queries.humans([one.name for one in rights().roles.values() if act in one.rights.get(thing, ())])


def require(user: User, act: str, thing: str) -> None:
    """Raises NoRight where `user` may not."""
    if not may(user, act, thing):
        raise NoRight(f"{act} {thing}")


def roles_of_step(step: str, change: str) -> tuple[str, ...]:
    """The roles that may take this step of this change; what rights.toml does not say of it, it says of all others."""
    said = rights().changes
    return said.get(change, {}).get(step, said["other"][step])


def role_for(user: User, step: str, change: str) -> str:
    """The role by which `user` may take a step of a change. Raises NoRight."""
    held = set(queries.roles(user))
    for role in roles_of_step(step, change):
        if role in held:
            return role
    raise NoRight(f"{step} {change}")


def may_step(user: User, step: str, change: str) -> bool:
    """Whether `user` may take this step of this change now."""
    return bool(set(roles_of_step(step, change)) & set(queries.roles(user)))


def changes_seen(user: User, names: Iterable[str]) -> frozenset[str]:
    """Of these changes those whose proposals `user` is shown: all with the label of proposals, else what they may step in.

    So whoever is shown what is public alone still sees what they proposed, and nothing of what others change.
    """
    if sees(user, "proposals", "rows"):
        return frozenset(names)
    held = set(queries.roles(user)) if may(user, "view", "proposals") else set()
    return frozenset(name for name in names if any(held & set(roles_of_step(step, name)) for step in STEPS))


def shown(user: User, thing: str, values: Mapping[str, object]) -> dict[str, object]:
    """`values` with None for each field whose label no role with the right to view this thing includes.

    A field without a label is withheld from everybody: a new one is seen only after somebody said what it is.
    """
    seen = _labels(user, thing)
    fields = rights().things[thing]
    return {name: value if fields.get(name) in seen else None for name, value in values.items()}


def sees(user: User, thing: str, field: str) -> bool:
    """Whether `shown` would give this field: asked before what is personal is opened at all."""
    return rights().things[thing].get(field) in _labels(user, thing)


def _labels(user: User, thing: str) -> set[str]:
    viewing = [role.labels for role in _roles(user) if "view" in role.rights.get(thing, ())]
    return set[str]().union(*viewing)
