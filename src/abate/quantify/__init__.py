"""Methodologies and records in, milligrams CO2e out. Called, it is `abate.quantify(ID, DATA)`: see `abate.api`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """`abate.quantify` is this package and also the function of the Python interface: whoever imports a module of
    the package first must not take the function away, nor the other way round."""

    def __call__(self, method_id: str, data: Any, **options: Any) -> Any:
        """Milligrams CO2e of every record of `data`; everything about it is said at `abate.api.quantify`."""
        from abate.api import quantify  # lazy: the package must be importable without it, and before it

        return quantify(method_id, data, **options)


sys.modules[__name__].__class__ = _Package
