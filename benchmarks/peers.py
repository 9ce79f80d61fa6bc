"""The same 100,000 meetings computed by other engines, and four questions put to each by running it.

ER = (sum of distance x factor - kWh x grid factor) x R, one set of factors, meetings for which every tool's formula is
this one. Each adapter (`benchmarks/peers/`) runs in a process of its own; time is from numbers in memory to ER, the
median of three runs in that process (one run where a run takes minutes), for Impact Framework its whole command, since
YAML files are its interface. The error is taken after flooring to milligrams, from the shortest decimal of a float.
Adapters in Python run by ABATE_PEERS_PYTHON, those in Node with the packages of ABATE_PEERS_NODE (a node_modules
folder); what is not installed is skipped with the reason.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

NAME = "peers"
ABOUT = "100,000 meetings and four questions, by openfisca, policyengine, Brightway, IF, publicodes, NumPy and Polars"
SEED = 20260302
HERE = Path(__file__).resolve().parent / "peers"
MODES = {"flight_domestic": "uk-2023-air-dom-avg-norf", "rail": "uk-2023-rail-national",
         "metro": "uk-2023-rail-underground", "bus": "uk-2023-bus-average", "taxi": "uk-2023-taxi-regular"}  # fmt: skip
GRID = "cn-grid-2023-national"
LONGEST = 600
QUESTIONS = ("explain", "units", "expired")


@dataclass(frozen=True)
class Peer:
    """`runner` is python (the peers' own), node, or here; `needs` is imported to see whether it is installed."""

    name: str
    runner: str
    script: tuple[str, ...]
    needs: str
    install: str


PEERS = (
    Peer("abate (DuckDB)", "here", ("abate_table.py",), "abate", "pip install abate"),
    Peer("numpy", "here", ("arrays.py", "numpy"), "numpy", "pip install numpy"),
    Peer("polars by hand", "here", ("arrays.py", "polars"), "polars", "pip install polars"),
    Peer("openfisca-core", "python", ("rules_engine.py", "openfisca_core"), "openfisca_core",
         "pip install openfisca-core"),
    Peer("policyengine-core", "python", ("rules_engine.py", "policyengine_core"), "policyengine_core",
         "pip install policyengine-core"),
    Peer("bw2calc", "python", ("brightway.py",), "bw2calc", "pip install bw2calc"),
    Peer("@grnsft/if", "node", ("impact_framework.py",), "@grnsft/if", "npm install @grnsft/if"),
    Peer("publicodes", "node", ("publicodes.mjs",), "publicodes", "npm install publicodes"),
)  # fmt: skip


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (100,000). Times are ratios to Abate's in the same run; seconds and MiB stand beside them."""
    rows = int(options.get("rows") or 100_000)
    with tempfile.TemporaryDirectory(prefix="abate-peers-") as name:
        folder = Path(name)
        exact, told = _write(folder, rows)
        found: dict[str, Any] = {}
        for peer in PEERS:
            command, why = _command(peer)
            found[peer.name] = {"skipped": why} if why else _measure(command, folder, exact, told)
            print(f"  {peer.name}: {found[peer.name]}", file=sys.stderr)
    mine = found[PEERS[0].name].get("seconds")
    for result in found.values():
        if mine and "seconds" in result:
            result["time_over_abate"] = round(result["seconds"] / mine, 2)
    return {"rows": rows, "seed": SEED, "peers": found}


# -- the task ----------------------------------------------------------------------------------------


def _write(folder: Path, rows: int) -> tuple[list[int], dict[str, Any]]:
    """Made-up meetings with PE above 1 % of BE (else the methodology's rule for a small PE would apply), and the exact
    milligrams of each."""
    from abate.quantify import catalogue  # lazy: the list of benchmarks must not load the methodologies

    factors = catalogue.load().registry.factors
    told = {"modes": {mode: factors[name].value_text for mode, name in MODES.items()},
            "grid": factors[GRID].value_text, "document": factors[MODES["rail"]].source}  # fmt: skip
    (folder / "task.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    random_numbers, exact = random.Random(SEED), []
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*MODES, "kwh", "r"])
        for _ in range(rows):
            km = [random_numbers.choice((0, random_numbers.randrange(1, 200_000))) for _ in MODES]
            kwh, r = random_numbers.randrange(40_000, 240_000), random_numbers.randrange(1, 10_001)
            writer.writerow([*(f"{k // 1000}.{k % 1000:03}" for k in km), f"{kwh // 10**4}.{kwh % 10**4:04}",
                             f"{r // 10**4}.{r % 10**4:04}"])  # fmt: skip
            be = sum(
                Fraction(k, 1000) * Fraction(ef) for k, ef in zip(km, told["modes"].values(), strict=True)
            )
            pe = Fraction(kwh, 10**4) * Fraction(told["grid"])
            exact.append((be - pe) * Fraction(r, 10**4) * 10**6 // 1)
    return exact, told


# -- one peer ----------------------------------------------------------------------------------------


def _command(peer: Peer) -> tuple[list[str], str]:
    """The command without its question, or why it cannot be run."""
    script = [str(HERE / peer.script[0]), *peer.script[1:]]
    if peer.runner == "node":
        modules = os.environ.get("ABATE_PEERS_NODE", "")
        node = shutil.which("node")
        if node is None:
            return [], "there is no node on the path"
        if not modules or not (Path(modules) / peer.needs).is_dir():
            return [], f"{peer.install}, and name its node_modules folder in ABATE_PEERS_NODE"
        os.environ["NODE_PATH"] = modules
        if script[0].endswith(".py"):
            return [sys.executable, *script, modules], ""
        return [node, *script], ""
    python = sys.executable if peer.runner == "here" else os.environ.get("ABATE_PEERS_PYTHON", sys.executable)
    try:
        there = subprocess.run([python, "-c", f"import {peer.needs}"], capture_output=True, check=False)
    except OSError as error:
        return [], f"ABATE_PEERS_PYTHON cannot be run: {error.strerror}"
    if there.returncode:
        return [], f"{peer.install}, and name its interpreter in ABATE_PEERS_PYTHON"
    return [python, *script], ""


def _measure(command: list[str], folder: Path, exact: list[int], told: dict[str, Any]) -> dict[str, Any]:
    done, mib = _run(command, "run", folder)
    if "error" in done:
        return {"failed": done["error"]}
    differences = _differences(folder / "er.txt", exact)
    answers = {question: _run(command, question, folder)[0] for question in QUESTIONS}
    return {
        "seconds": round(done["seconds"], 4),
        "peak_mib": mib,
        "rows_that_differ": sum(1 for d in differences if d),
        "largest_error_mg": max(differences),
        "explains": _explains(answers["explain"].get("text", ""), exact[7], told),
        "refuses_kg_plus_kwh": answers["units"].get("refused"),
        "said_of_kg_plus_kwh": answers["units"].get("said", answers["units"].get("error")),
        "refuses_an_expired_factor": answers["expired"].get("refused"),
        "said_of_an_expired_factor": answers["expired"].get("said", answers["expired"].get("error")),
    }


def _run(command: list[str], question: str, folder: Path) -> tuple[dict[str, Any], int]:
    """The adapter's answer and the peak resident memory of its process, in MiB."""
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            [*command, question, str(folder)], stdout=subprocess.PIPE, stderr=said, text=True
        )
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        last = said.read()[-400:]
    if process.returncode or not text.strip():
        return {"error": last or f"exit code {process.returncode}"}, 0
    return dict(json.loads(text.strip().splitlines()[-1])), round(usage.ru_maxrss / 1024)


def _differences(path: Path, exact: list[int]) -> list[int]:
    """Whole milligrams by which each row is off."""
    given = [Fraction(line) * 10**6 // 1 for line in path.read_text().splitlines()]
    return [abs(a - b) for a, b in zip(given, exact, strict=True)]


def _explains(text: str, mg: int, told: dict[str, Any]) -> dict[str, bool]:
    """Does what the tool shows of one record hold the result, every factor, and the document they stand in?"""
    kilograms = abs(mg) / 10**6
    shown = text.replace(",", "")
    return {
        "result": any(f"{kilograms:.{k}f}"[:7] in shown for k in (3, 4, 6)) or str(abs(mg)) in shown,
        "factors": all(value in shown for value in (*told["modes"].values(), told["grid"])),
        "document": told["document"].replace(",", "") in shown,
    }
