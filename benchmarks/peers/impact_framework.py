"""@grnsft/if: one component with a row a meeting, run by its own command; YAML in and YAML out are its interface.

`impact_framework.py NODE_MODULES COMMAND FOLDER`, by the benchmark's own interpreter (it writes and reads YAML).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from task import Task

BINARY = Path(sys.argv[1]) / ".bin" / "if-run"
TIME = "timestamp: '2026-03-02T{:02}:{:02}:00.000Z', duration: 60"


def plugin(method: str, config: str) -> str:
    return f"{{path: builtin, method: {method}, config: {config}}}"


def manifest(task: Task, rows: list[dict[str, str]]) -> str:
    lines = ["name: meetings", "initialize:", "  plugins:"]
    for mode, value in {**task.modes, "kwh": task.grid}.items():
        config = f"{{input-parameter: {mode}, coefficient: {value}, output-parameter: kg-{mode}}}"
        lines.append(f"    times-{mode}: {plugin('Coefficient', config)}")
    summed = ", ".join(f"kg-{mode}" for mode in task.modes)
    lines.append(f"    total: {plugin('Sum', f'{{input-parameters: [{summed}], output-parameter: be}}')}")
    lines.append(
        f"    less: {plugin('Subtract', '{input-parameters: [be, kg-kwh], output-parameter: saved}')}"
    )
    lines.append(f"    share: {plugin('Multiply', '{input-parameters: [saved, r], output-parameter: er}')}")
    steps = [*(f"times-{mode}" for mode in (*task.modes, "kwh")), "total", "less", "share"]
    lines += ["tree:", "  children:", "    all:", "      pipeline:", f"        compute: [{', '.join(steps)}]"]
    lines.append("      inputs:")
    for k, row in enumerate(rows):
        cells = ", ".join(f"{name}: {value}" for name, value in row.items())
        lines.append(f"        - {{{TIME.format(k // 60 % 24, k % 60)}, {cells}}}")
    return "\n".join(lines) + "\n"


def wrong(expired: bool) -> str:
    """A sum of kg and kWh with their units declared; or a factor with the day it ends in its row."""
    units = "{kg: {unit: kg, description: mass, aggregation-method: {time: sum, component: sum}}, "
    units += "kwh: {unit: kWh, description: energy, aggregation-method: {time: sum, component: sum}}}"
    config = "{input-parameters: [kg, kwh], output-parameter: sum}"
    row = f"{{{TIME.format(0, 0)}, kg: 1, kwh: 2{', valid-to: 2024-12-31' if expired else ''}}}"
    step = f"{{path: builtin, method: Sum, parameter-metadata: {{inputs: {units}}}, config: {config}}}"
    return (
        f"name: wrong\nexplainer: true\ninitialize:\n  plugins:\n    add: {step}\n"
        f"tree:\n  children:\n    all:\n      pipeline:\n        compute: [add]\n      inputs:\n        - {row}\n"
    )


def run(text: str, folder: Path) -> tuple[float, str, str, int]:
    source, out = folder / "if.yaml", folder / "if-out.yaml"
    source.write_text(text, "utf-8")
    out.unlink(missing_ok=True)
    start = time.perf_counter()
    environment = os.environ | {"NODE_OPTIONS": "--max-old-space-size=6144"}
    done = subprocess.run([str(BINARY), "-m", str(source), "-o", str(out.with_suffix(""))], cwd=folder,
                          capture_output=True, text=True, check=False, env=environment)  # fmt: skip
    seconds = time.perf_counter() - start
    made = out.read_text("utf-8") if out.exists() else ""
    return seconds, made, done.stderr + done.stdout, done.returncode


def main() -> Any:
    command, folder = sys.argv[2], Path(sys.argv[3])
    if command in ("units", "expired"):
        _, made, said, code = run(wrong(command == "expired"), folder)
        result = [line.strip() for line in made.splitlines() if line.strip().startswith("sum:")]
        return {"refused": code != 0 or not result, "said": (" ".join(result) or said)[:300]}
    task = Task(folder)
    rows = task.rows if command == "run" else [task.rows[7]]
    seconds, made, said, code = run(manifest(task, rows), folder)
    if code:
        raise SystemExit(said[-500:])
    if command == "explain":
        return {"text": made}
    found = [line.split(":")[1].strip() for line in made.splitlines() if line.startswith("          er:")]
    (folder / "er.txt").write_text("\n".join(found))
    return {"seconds": seconds}


print(json.dumps(main()))
