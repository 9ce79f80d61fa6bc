"""Strict YAML with positions: every key is expected, every number is a string, every refusal names its
line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from abate.quantify.method import Text

T = TypeVar("T")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
MAX_BYTES = 1_000_000
DEEPEST = 200
BRACKETS = re.compile(rb"[\[\]{}]")
INDENTED = re.compile(rb"(?m)^[ ?:-]{400}")

# The parser of libyaml where the wheel has it (20 times as fast as the one in Python: 63 methodologies are
# read in less than half a second instead of four), with the same positions. Nodes are never turned into objects.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Loader):  # type: ignore[misc]
    """Bare words are read as in YAML 1.2 (`no` and `on` are text, `1:30` is text), not as in 1.1."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?", list("0123456789")),
    ("merge", r"<<", ["<"]),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


class MethodError(Exception):
    """A data file that is refused: file, line, reason, remedy."""

    def __init__(self, file: str, line: int, reason: str, remedy: str) -> None:
        super().__init__(f"{file}:{line}: {reason}\n  {remedy}")
        self.file = file
        self.line = line
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Value:
    """One YAML node with its place. `where` is the path of keys that leads to it."""

    file: str
    where: str
    line: int
    node: Any

    def error(self, reason: str, remedy: str) -> MethodError:
        return MethodError(self.file, self.line, f"{self.where}: {reason}" if self.where else reason, remedy)

    @property
    def is_null(self) -> bool:
        return bool(self.node.tag == "tag:yaml.org,2002:null")

    def text(self) -> str:
        """A string; a number, a date or a truth value written bare is refused where text is meant."""
        if self.node.id != "scalar" or self.node.tag != "tag:yaml.org,2002:str":
            raise self.error(
                "is not text", "write it as text; put quotes around it if YAML reads it otherwise"
            )
        value = str(self.node.value).strip()
        if not value:
            raise self.error("is empty", "write the text or leave the key out where it is optional")
        return value

    def number(self) -> Fraction:
        """An exact decimal, written in quotes."""
        if self.node.id != "scalar" or not self.node.tag.endswith(":str"):
            raise self.error(
                f"the number {self.node.value} is not written as text"
                if self.node.id == "scalar"
                else "is no number",
                'put it in quotes, like "0.5703": only then is it read exactly and kept as printed',
            )
        if not DECIMAL.fullmatch(self.node.value):
            raise self.error(f"{self.node.value!r} is not a plain decimal number", 'write it like "0.5703"')
        return Fraction(self.node.value)

    def decimals(self) -> int:
        """Digits after the point as written; call after `number`."""
        return len(str(self.node.value).partition(".")[2])

    def integer(self) -> int:
        if self.node.id != "scalar" or not self.node.tag.endswith(":int"):
            raise self.error("is not a whole number", "write a whole number without quotes, like 54")
        return int(self.node.value)

    def truth(self) -> bool:
        if self.node.id != "scalar" or self.node.value not in ("true", "false"):
            raise self.error("is neither true nor false", "write true or false")
        return bool(self.node.value == "true")

    def day(self) -> date:
        try:
            return date.fromisoformat(str(self.node.value))
        except ValueError as error:
            raise self.error(f"{self.node.value!r} is not a date", "write it like 2026-01-31") from error

    def texts(self) -> tuple[str, ...]:
        return tuple(v.text() for v in self.items())

    def items(self) -> list[Value]:
        if self.node.id != "sequence":
            raise self.error("is not a list", "write a list: one `- ` line for each, or [a, b]")
        return [
            Value(self.file, f"{self.where}[{i}]", n.start_mark.line + 1, n)
            for i, n in enumerate(self.node.value)
        ]

    def table(self) -> Table:
        if self.node.id != "mapping":
            raise self.error("is not a table of keys", "write keys with values, like {zh: ..., en: ...}")
        found: dict[str, Value] = {}
        for key, node in self.node.value:
            name = str(key.value)
            path = f"{self.where}.{name}" if self.where else name
            value = Value(self.file, path, key.start_mark.line + 1, node)
            if name in found:
                raise value.error(
                    f"key `{name}` stands twice", "keep one of the two; the other would be lost"
                )
            found[name] = value
        return Table(self, found)

    def both(self) -> Text:
        """A text in Chinese and English."""
        table = self.table()
        text = Text(table["zh"].text(), table["en"].text())
        table.done()
        return text


@dataclass(slots=True)
class Table:
    """A mapping whose keys are taken one by one; what nobody took is refused by `done`."""

    at: Value
    _found: Mapping[str, Value]
    _taken: set[str] = field(default_factory=set)

    def __getitem__(self, key: str) -> Value:
        value = self.get(key)
        if value is None:
            raise self.at.error(
                f"`{key}` is missing", f"add `{key}`: nothing is assumed where it is not written"
            )
        return value

    def get(self, key: str) -> Value | None:
        """The value, or None where the key is absent or null."""
        self._taken.add(key)
        value = self._found.get(key)
        return None if value is None or value.is_null else value

    def entries(self, key: str) -> list[Value]:
        """The items of an optional list."""
        value = self.get(key)
        return value.items() if value else []

    def named(self, key: str) -> list[tuple[str, Value]]:
        """The (name, value) pairs of an optional table."""
        value = self.get(key)
        return list(value.table()) if value else []

    def has(self, key: str) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        """All keys, for tables whose keys are names."""
        for key, value in self._found.items():
            self._taken.add(key)
            yield key, value

    def done(self) -> None:
        for key, value in self._found.items():
            if key not in self._taken:
                known = ", ".join(sorted(self._taken))
                raise value.error(
                    f"unknown key `{key}`", f"known here: {known}; correct the name or remove it"
                )


def read_yaml(path: Path, shown: str = "") -> Value:
    """The top of a YAML file. Raises MethodError for what YAML itself refuses."""
    name = shown or str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MethodError(name, 0, f"cannot be read: {error.strerror}", "check the path") from error
    if len(raw) > MAX_BYTES:
        raise MethodError(name, 0, "is larger than 1 MB", "a methodology is a text of a few pages")
    if _deep(raw):
        raise MethodError(name, 0, "is nested deeper than any methodology", "close brackets and lists")
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise MethodError(name, line, f"is not YAML: {error.problem}", "correct the line") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise MethodError(name, 0, f"is not YAML in UTF-8: {error}", "save it as UTF-8 text") from error
    if node is None:
        raise MethodError(name, 0, "is empty", "write the methodology or remove the file")
    if b"&" in raw:
        _no_alias(name, node)
    return Value(name, "", node.start_mark.line + 1, node)


def _no_alias(name: str, top: Any) -> None:
    """A node that stands in two places is an alias; it may multiply without end or hold itself."""
    waiting, seen = [top], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            line = node.start_mark.line + 1
            raise MethodError(name, line, "an alias (`*name`) refers to this", "write it out where it stands")
        seen.add(id(node))
        if node.id == "mapping":
            waiting.extend(part for pair in node.value for part in pair)
        elif node.id == "sequence":
            waiting.extend(node.value)


def _deep(raw: bytes) -> bool:
    """Whether brackets or indentation go so deep that the composer in C, which recurses, could overflow."""
    depth = deepest = 0
    for bracket in BRACKETS.findall(raw):
        depth = depth + 1 if bracket in b"[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest > DEEPEST or INDENTED.search(raw) is not None


def plain(value: Value) -> object:
    """The content without positions, for a canonical hash: texts, lists, tables; scalars as written."""
    node = value.node
    if node.id == "mapping":
        return {key: plain(inner) for key, inner in value.table()}
    if node.id == "sequence":
        return [plain(inner) for inner in value.items()]
    return None if value.is_null else str(node.value)
