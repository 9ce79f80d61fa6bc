"""Where the sandbox beside an installation listens and is reached: the same for it, and for live, which leads there."""

from __future__ import annotations

import os

BIND = "127.0.0.1:8001"
"""Where it listens unless told otherwise: beside the live server."""
_HERE = ("http://127.0.0.1:", "http://localhost:")


def origin(beside: str = _HERE[0]) -> str:
    """Its address as the environment says it; else this machine and the port where it listens, which is of use only where
    the live address (`beside`) is of this machine too: nothing elsewhere."""
    port = (os.environ.get("ABATE_SANDBOX_BIND") or BIND).rpartition(":")[2]
    here = f"http://127.0.0.1:{port}" if beside.startswith(_HERE) else ""
    return os.environ.get("ABATE_SANDBOX_ORIGIN") or here
