"""All shipped methodologies and their figures, loaded once and checked against each other."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock

from abate.quantify import published
from abate.quantify.factors_files import read_pack, read_registry
from abate.quantify.factors_registry import Pack, Registry
from abate.quantify.method import Method, Text
from abate.quantify.pack_checks import check_pack
from abate.quantify.reading import read_method
from abate.quantify.reading_overlaps import check_pairs
from abate.quantify.reading_yaml import MethodError

SHIPPED = Path(__file__).resolve().parent.parent / "methods"
VERSION_FILE = re.compile(r"v([1-9][0-9]*)\.yaml")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One of the 59 typical behaviours of T/CECA-G 0203-2022, Appendix A."""

    number: int
    category: Text
    name: Text
    description: Text


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Methodologies by id, versions ascending, with the registry they were checked against."""

    methods: Mapping[str, tuple[Method, ...]]
    registry: Registry
    behaviours: Mapping[int, Behaviour] = field(default_factory=dict)
    folder: Path = SHIPPED
    _packs: dict[str, Pack] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Shipped packs that were read and checked, as the methodologies are: once."""

    def in_force(self, method_id: str, day: date) -> Method | None:
        """The version in force on `day`, if any."""
        for method in self.methods[method_id]:
            if method.in_force_from <= day and (method.in_force_to is None or day <= method.in_force_to):
                return method
        return None

    def newest(self, method_id: str) -> Method:
        return self.methods[method_id][-1]

    def pack(self, name_or_path: str) -> Pack:
        """An operator pack: a shipped one by name (`demo`), or a file, which is read anew each time. Raises MethodError."""
        if name_or_path in self._packs:
            return self._packs[name_or_path]
        shipped = self.folder / "packs" / f"{name_or_path}.yaml"
        is_shipped = shipped.exists()
        pack = read_pack(shipped if is_shipped else Path(name_or_path), self.registry)
        check_pack(pack, self.methods, self.registry)
        if is_shipped:
            self._packs[name_or_path] = pack
        return pack


_LOADING = Lock()


def load(folder: Path = SHIPPED) -> Catalogue:
    """Read every methodology under `folder`, once in a process. Raises MethodError for the first that is refused, a
    published one that was edited or is gone included."""
    with _LOADING:
        return _load(folder)


@lru_cache(maxsize=4)
def _load(folder: Path) -> Catalogue:
    registry = read_registry(folder)
    methods: dict[str, tuple[Method, ...]] = {}
    for path in sorted(p for p in folder.iterdir() if (p / "v1.yaml").exists()):
        files = sorted((int(m[1]), f) for f in path.iterdir() if (m := VERSION_FILE.fullmatch(f.name)))
        versions = tuple(read_method(f, registry) for _, f in files)
        for (number, file), method in zip(files, versions, strict=True):
            _check_place(path.name, number, file, method)
        _check_versions(versions)
        methods[path.name] = versions
    check_pairs(methods)
    for error in published.check(folder, methods):
        raise error
    return Catalogue(methods, registry, _behaviours(folder / "behaviours.csv"), folder)


def _check_place(folder: str, number: int, file: Path, method: Method) -> None:
    if (method.id, method.version) != (folder, number):
        reason = f"holds {method.id} version {method.version}"
        raise MethodError(
            f"{folder}/{file.name}", 1, reason, f"it must be {folder} version {number}: rename one"
        )


def _check_versions(versions: tuple[Method, ...]) -> None:
    """At most one version is in force on any day."""
    for earlier, later in pairwise(versions):
        if earlier.in_force_to is None or later.in_force_from <= earlier.in_force_to:
            reason = f"version {earlier.version} is still in force when version {later.version} begins"
            raise MethodError(earlier.path, 1, reason, "end the earlier version on the day before")


def _behaviours(path: Path) -> dict[int, Behaviour]:
    if not path.exists():
        return {}
    found = {}
    for row in csv.DictReader(path.read_text("utf-8").splitlines()):
        found[int(row["number"])] = Behaviour(
            int(row["number"]),
            Text(row["category_zh"], row["category_en"]),
            Text(row["name_zh"], row["name_en"]),
            Text(row["description_zh"], row["description_en"]),
        )
    return found
