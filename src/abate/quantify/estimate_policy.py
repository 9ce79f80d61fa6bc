"""The limits of estimates that the standards leave open: this project's policy, as data with a reason each."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from abate.quantify.method import Text
from abate.quantify.reading_yaml import read_yaml

REVIEW_YEARS_ETA = 5
"""T/CGDF digital reading draft, 6.6.2: reviewed every five years. Not a policy."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and why it was chosen."""

    value: Fraction
    why: Text


@dataclass(frozen=True, slots=True)
class Policy:
    """All limits of `methods/estimates.yaml`."""

    level: Limit
    precision: Limit
    least_sample: Limit
    least_in_stratum: Limit
    least_sites: Limit
    rate_review_years: Limit


def read_policy(folder: Path) -> Policy:
    """Raises MethodError where a limit is missing or stands without its reason."""
    path = folder / "estimates.yaml"
    table = read_yaml(path, path.name).table()
    found: dict[str, Limit] = {}
    for name in Policy.__dataclass_fields__:
        limit = table[name].table()
        found[name] = Limit(limit["value"].number(), limit["why"].both())
        limit.done()
    table.done()
    return Policy(**found)
