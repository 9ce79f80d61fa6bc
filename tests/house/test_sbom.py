"""`make sbom` names every package that is installed for the platform and its tests, at the version that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
Bill = dict[str, Any]


def needed(*extras: str) -> dict[str, str]:
    """name -> installed version of everything that `abate` asks for here with these extras, through all their needs."""
    found: dict[str, str] = {}
    waiting = [Requirement(f"abate[{','.join(extras)}]")]
    seen = set()
    while waiting:
        one = waiting.pop()
        name, wanted = canonicalize_name(one.name), frozenset(one.extras)
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        if name != "abate":
            found[name] = metadata.version(name)
        for text in metadata.requires(name) or []:
            need = Requirement(text)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
                waiting.append(need)
    return found


def apart(bill: Bill, installed: dict[str, str]) -> set[str]:
    """What is installed and not in the bill, or there at another version. A lock may name one for each Python."""
    told = {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]}
    return {f"{name} {version}" for name, version in installed.items() if (name, version) not in told}


@pytest.mark.slow
def test_the_bills_name_what_is_installed_with_its_digests(tmp_path: Path) -> None:
    bin_ = Path(sys.prefix) / "bin"
    made = subprocess.run(
        ["make", "-o", ".venv/.dev", f"V={bin_}", f"SBOM={tmp_path}", "sbom"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    bills: dict[str, Bill] = {
        name: json.loads((tmp_path / f"abate-{name}.cdx.json").read_text("utf-8"))
        for name in ("platform", "dev")
    }
    for name, extras in (("platform", ["platform"]), ("dev", ["platform", "test", "check"])):
        bill, installed = bills[name], needed(*extras)
        assert len(installed) > 30 and apart(bill, installed) == set(), name
        assert bill["bomFormat"] == "CycloneDX" and bill["metadata"]["component"]["name"] == "abate"
        for one in bill["components"]:
            digests = [digest for place in one["externalReferences"] for digest in place.get("hashes", ())]
            assert digests and one["purl"].startswith("pkg:pypi/"), one["name"]
    assert len(bills["dev"]["components"]) > len(bills["platform"]["components"])
    # A package that slipped in, and one at another version, would be seen.
    bill, installed = bills["platform"], needed("platform")
    (django,) = [one for one in bill["components"] if one["name"] == "django"]
    django["version"] += ".1"
    bill["components"] = [one for one in bill["components"] if one["name"] != "segno"]
    assert apart(bill, installed) == {f"{name} {installed[name]}" for name in ("django", "segno")}
