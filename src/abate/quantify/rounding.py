"""The only roundings: kilograms to whole milligrams, once, at the end. Exact integers in, exact integers
out."""

from __future__ import annotations

from fractions import Fraction

MG_PER_KG = 1_000_000


def mg_down(kilograms: Fraction) -> int:
    """Whole milligrams not above the exact amount, towards minus infinity (for ER and BE)."""
    return (kilograms.numerator * MG_PER_KG) // kilograms.denominator


def mg_up(kilograms: Fraction) -> int:
    """Whole milligrams not below the exact amount (for PE and LE, display only)."""
    return -((-kilograms.numerator * MG_PER_KG) // kilograms.denominator)
