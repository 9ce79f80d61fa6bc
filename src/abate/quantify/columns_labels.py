"""Result columns of few different texts as enumerations, which are computed and written as small numbers."""

from __future__ import annotations

from collections.abc import Collection

from abate.quantify.columns_input import quoted


class Labels:
    """Writes constants of the columns `enumerated` as members of a type that is known once all are written.

    Only a column whose every text is known when the SQL is written can be one of them.
    """

    def __init__(self, enumerated: Collection[str] = ()) -> None:
        self._texts: dict[str, dict[str, None]] = {column: {} for column in enumerated}

    def covers(self, column: str) -> bool:
        return column in self._texts

    def sql(self, column: str, text: str) -> str:
        if column not in self._texts:
            return quoted(text)
        self._texts[column][text] = None
        return f"{quoted(text)}::abate_{column}"

    def types(self) -> str:
        """Statements that make the types; to be run before the SQL that uses them."""
        return " ".join(
            f"DROP TYPE IF EXISTS abate_{column}; "
            f"CREATE TYPE abate_{column} AS ENUM ({', '.join(map(quoted, texts))});"
            for column, texts in self._texts.items()
        )
