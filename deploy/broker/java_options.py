"""Options of the broker's Java process, measured on two cores by `python -m tests.bench.broker`."""

from pathlib import Path

#: Serial: the threads of another collector would compete with the worker for two cores.
_ALWAYS = ("-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")
#: Without profiles from a cache the optimising compiler would slow down the start.
_FIRST_COMPILER_ONLY = "-XX:TieredStopAtLevel=1"


def java_options(heap: str, cache: Path | None) -> list[str]:
    """For a broker with the given heap (`512m`); `cache` is an AOT cache, used if it is there."""
    compiled = [f"-XX:AOTCache={cache}"] if cache and cache.exists() else [_FIRST_COMPILER_ONLY]
    return [f"-Xmx{heap}", *_ALWAYS, *compiled]


def recording(heap: str, output: Path) -> list[str]:
    """For a broker that writes an AOT cache when it ends: its loaded classes, and profiles of its methods."""
    return [f"-Xmx{heap}", *_ALWAYS, f"-XX:AOTCacheOutput={output}"]
