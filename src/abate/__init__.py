"""Green behaviours into numbers people can trust.

`quantify` takes a file, an Arrow table, a data frame or a list of records and gives whole milligrams of CO2e;
`explain` shows every step of one of them; `methods` and `factors` list what there is. All of it needs only the
core: a data frame comes back from the library that the caller already has.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abate.api import explain, factors, methods, quantify
    from abate.api_errors import AbateError
    from abate.api_explanation import Explanation

__all__ = ["AbateError", "Explanation", "explain", "factors", "methods", "quantify"]

_PLACES = {"AbateError": "abate.api_errors", "Explanation": "abate.api_explanation"}


def __getattr__(name: str) -> Any:
    """The engine and its libraries are imported by the first call, so that `import abate` costs nothing."""
    if name == "quantify":
        return import_module("abate.quantify")  # the package, which can be called
    if name not in __all__:
        raise AttributeError(f"module 'abate' has no attribute {name!r}")
    found = getattr(import_module(_PLACES.get(name, "abate.api")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
