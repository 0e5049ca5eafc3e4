"""The figures: where they are kept, what they ran on, and ratios of them."""

import os
import platform
from pathlib import Path
from typing import Any

import msgspec
import psutil

from tests.bench.clicks import ROOT

Results = dict[str, Any]
JSON = ROOT / "build" / "bench.json"
#: What makes kernels and matrix products fast or slow, as /proc/cpuinfo names it; each includes the next.
EXTENSIONS = {"AMX": "amx_bf16", "AVX-512 with bf16": "avx512_bf16", "AVX-512": "avx512f", "AVX2": "avx2"}


def machine() -> dict[str, Any]:
    """What it ran on, without naming it."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    """The kind of processor by its instructions for vectors and matrices."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return "unknown"
    return next((name for name, flag in EXTENSIONS.items() if flag in flags), "older than AVX2")


def ratios(results: Results) -> dict[str, float]:
    """How many times faster than other engines, for the same job and for counting."""
    counting, full = results.get("counting", {}), results.get("full", {})
    shared = results.get("shared", {})
    pairs = {
        "counting_to_faust": (counting.get("pathcast"), counting.get("faust")),
        "counting_to_quix": (counting.get("pathcast"), counting.get("quix")),
        "full_to_faust": (full.get("pathcast"), counting.get("faust")),
        "full_to_faust_per_event": (full.get("pathcast"), full.get("faust_per_event")),
        "full_to_quix_per_event": (full.get("pathcast"), full.get("quix_per_event")),
        "shared_to_faust": (shared.get("pathcast"), counting.get("faust")),
    }
    return {name: round(one / other, 2) for name, (one, other) in pairs.items() if one and other}


def save(results: Results, path: Path) -> None:
    """Write `results` and their ratios as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results["ratios"] = ratios(results)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def load(path: Path) -> Results:
    """What was saved; empty for nothing."""
    return msgspec.json.decode(path.read_bytes()) if path.exists() else {}
