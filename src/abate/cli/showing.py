"""How the effect of a change on recorded data is shown: as lines and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from abate.quantify.effects import Effect, Example


def kilograms(milligrams: int) -> str:
    """Whole grams are enough for people; the JSON has every milligram."""
    sign = "-" if milligrams < 0 else ""
    return f"{sign}{abs(milligrams) // 1_000_000:,}.{abs(milligrams) % 1_000_000 // 1000:03d} kg"


def effect_lines(effect: Effect) -> list[str]:
    share = f" ({effect.change_mg / effect.before_mg * 100:+.2f} %)" if effect.before_mg else ""
    before, after = kilograms(effect.before_mg), kilograms(effect.after_mg)
    gained, lost = kilograms(effect.gained_mg), kilograms(effect.lost_mg)
    lines = [
        "",
        f"On {effect.rows:,} records: ER {before} -> {after}{share}",
        f"  {effect.gaining:,} gain {gained}, {effect.losing:,} lose {lost}",
    ]
    for before, after, rows, change in effect.transitions:
        moved = before if before == after else f"{before} -> {after}"
        lines.append(f"  {moved:<40} {rows:>12,} records  {kilograms(change):>18}")
    for title, examples in (("Most gained", effect.most_gained), ("Most lost", effect.most_lost)):
        if examples:
            lines.append(f"  {title}: " + "; ".join(_example(e) for e in examples))
    return lines


def _example(e: Example) -> str:
    before, after = (kilograms(m) if m is not None else "-" for m in (e.before_mg, e.after_mg))
    return f"{'/'.join(e.key)} {before} -> {after}"


def effect_data(effect: Effect) -> dict[str, Any]:
    return asdict(effect) | {"change_mg": effect.change_mg}
