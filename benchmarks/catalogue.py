"""Reading and checking every methodology, in computing time of one process, against parsing the same YAML.

The parser of libyaml alone is the floor: what stands above it is every check that a methodology must pass
(units, dates, sources, denominators, widths, branches, pairs). Each round is a process of its own; importing
the modules is measured apart.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

NAME = "catalogue"
ABOUT = "reading and checking all methodologies, against parsing the same YAML alone"

CHILD = """
import json, time
began = time.process_time()
from abate.quantify import catalogue
imported = time.process_time()
loaded = catalogue.load()
read = time.process_time()
import yaml
from abate.quantify.reading_yaml import Loader
texts = [p.read_text("utf-8") for p in sorted(catalogue.SHIPPED.glob("*/v*.yaml"))]
start = time.process_time()
for text in texts:
    yaml.compose(text, Loader=Loader)
parsed = time.process_time()
print(json.dumps({"import_s": imported - began, "read_and_check_s": read - imported, "parse_s": parsed - start,
                  "versions": sum(len(v) for v in loaded.methods.values())}))
"""


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rounds` (3). Seconds of computing, and how often the parsing fits into reading and checking."""
    rounds = int(options.get("rounds") or 3)
    found: list[dict[str, float]] = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    median = {key: round(statistics.median(f[key] for f in found), 3) for key in found[0]}
    ratio = statistics.median(f["read_and_check_s"] / f["parse_s"] for f in found)
    return {**median, "read_and_check_to_parse": round(ratio, 2), "rounds": rounds}
