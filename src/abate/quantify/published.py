"""Published versions are frozen: `published.csv` holds the hash of every one, and an edit is a new version.

The hash is that of the content, so layout and comments may change; a figure, a text or a date may not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from abate.quantify.method import Method
from abate.quantify.reading_yaml import MethodError

FILE = "published.csv"
COLUMNS = ("id", "version", "hash")


def read_published(folder: Path) -> dict[tuple[str, int], str]:
    """(id, version) -> hash. Raises MethodError for a file that is not in order."""
    path = folder / FILE
    if not path.exists():
        return {}
    found: dict[tuple[str, int], str] = {}
    reader = csv.DictReader(path.read_text("utf-8").splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise MethodError(FILE, 1, "the columns are not those of the list", f"write: {','.join(COLUMNS)}")
    for row in reader:
        if not row["version"].isdigit() or len(row["hash"] or "") != 64:
            raise MethodError(FILE, reader.line_num, f"line of {row['id']} is not whole", "restore the file")
        key = (row["id"], int(row["version"]))
        if key in found:
            raise MethodError(FILE, reader.line_num, f"{key[0]} v{key[1]} stands twice", "keep the first")
        found[key] = row["hash"]
    return found


def edited(method: Method, published: dict[tuple[str, int], str]) -> MethodError | None:
    """The refusal of a published version whose content is no longer what was published."""
    known = published.get((method.id, method.version))
    if known is None or known == method.hash:
        return None
    return MethodError(
        method.path,
        1,
        f"{method.id} version {method.version} is published and was edited "
        f"(published {known[:12]}, now {method.hash[:12]})",
        f"an edit is a new version: take it back and write v{method.version + 1}.yaml; results and receipts name this "
        "hash",
    )


def check(folder: Path, methods: Mapping[str, tuple[Method, ...]]) -> list[MethodError]:
    """Every published version that was edited or is gone."""
    published = read_published(folder)
    there = {(m.id, m.version): m for versions in methods.values() for m in versions}
    found = [error for m in there.values() if (error := edited(m, published))]
    for method_id, version in published:
        if (method_id, version) not in there:
            reason = f"published version {method_id} v{version} is gone"
            found.append(MethodError(FILE, 0, reason, "restore the file: results name it for ever"))
    return found


def publish(folder: Path, methods: Iterable[Method]) -> tuple[Method, ...]:
    """Add versions to the list and return those that were new. Raises MethodError for an edited one."""
    published = read_published(folder)
    new = []
    for method in methods:
        error = edited(method, published)
        if error:
            raise error
        if (method.id, method.version) not in published:
            published[method.id, method.version] = method.hash
            new.append(method)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((i, v, published[i, v]) for i, v in sorted(published))
    (folder / FILE).write_text(text.getvalue(), "utf-8")
    return tuple(new)
