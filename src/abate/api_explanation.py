"""The explanation of one record, as it shows itself in a terminal, in a notebook and to another program."""

from __future__ import annotations

from typing import Any

from abate.quantify import explain
from abate.quantify.explain_data import Explanation as Tree
from abate.quantify.outcome import Quantity


class Explanation:
    """Every step of one result: formula, numbers, figures with document and place, clause, rounding.

    `quantity` is the stored result (milligrams CO2e, whole numbers, or None), `tree` the explanation as data.
    Prints as text in `lang` (zh or en); in a notebook it shows itself as a page.
    """

    def __init__(self, quantity: Quantity, tree: Tree, lang: str) -> None:
        self.quantity = quantity
        self.tree = tree
        self.lang = lang

    @property
    def outcome(self) -> str:
        return self.quantity.outcome.value

    @property
    def reason(self) -> str | None:
        return self.quantity.reason

    @property
    def er_mg(self) -> int | None:
        """The emission reduction, milligrams CO2e, floored; None where nothing was quantified."""
        return self.quantity.er_mg

    def to_text(self, lang: str | None = None) -> str:
        return explain.render_text(self.tree, lang or self.lang)

    def to_json(self, lang: str | None = None) -> str:
        """JSON text, ending in a newline; numbers are decimal strings or exact fractions."""
        return explain.render_json(self.tree, lang or self.lang)

    def to_html(self, lang: str | None = None) -> str:
        return explain.render_html(self.tree, lang or self.lang)

    def to_dict(self) -> dict[str, Any]:
        return explain.as_data(self.tree)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<abate.Explanation {self.tree.method} {self.outcome} er_mg={self.er_mg}>"

    def _repr_html_(self) -> str:
        return self.to_html()
