"""What the Python interface refuses: one family, each with a code, what, why and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from abate.quantify.columns import InputError, NotColumnar
from abate.quantify.factors import FactorError
from abate.quantify.reading import MethodError

CODES = (
    "unknown_method",
    "unknown_setting",
    "bad_pack",
    "bad_input",
    "not_columnar",
    "unknown_engine",
    "bad_methodology",
)


class AbateError(ValueError):
    """A call that is refused as a whole. A bad record never raises: it is refused in its own row.

    `code` is one of CODES, `what` says what and where, `why` why it matters, `remedy` what to do.
    """

    def __init__(self, code: str, what: str, why: str, remedy: str) -> None:
        super().__init__(f"{code}: {what}\n  {why}\n  {remedy}")
        self.code = code
        self.what = what
        self.why = why
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[AbateError], tuple[str, str, str, str]]:
        return type(self), (self.code, self.what, self.why, self.remedy)


@contextmanager
def refusals() -> Iterator[None]:
    """Refusals of the engine as members of the one family, the first one kept as the cause."""
    try:
        yield
    except MethodError as error:
        raise AbateError(
            "bad_methodology",
            f"{error.file}:{error.line}: {error.reason}",
            "Nothing is computed by a document that does not hold all checks.",
            error.remedy,
        ) from error
    except FactorError as error:
        what = f"{error.where}: {error.reason}"
        raise AbateError("unknown_setting", what, "No figure is chosen by a guess.", error.remedy) from error
    except NotColumnar as error:
        why = "Whole-number SQL would pass 38 digits or grow without bound."
        remedy = "Use abate.explain for single records."
        raise AbateError("not_columnar", str(error), why, remedy) from error
    except InputError as error:
        why = "Rows that cannot be read cannot be refused one by one."
        remedy = (
            "Give CSV, JSON Lines or Parquet files of one kind, a table, a data frame or a list of records."
        )
        raise AbateError("bad_input", str(error), why, remedy) from error
