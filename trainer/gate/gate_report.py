"""The gate's report in a version's folder: `gate/report.json` for programs, `.md` and `.png` for people.

The version's manifest has no digests of these files, because the gate judges a version after it was saved.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.durable_files import replace_file
from models.registry.registry import RegistryError
from trainer.gate import shadow_rules

FOLDER = "gate"
_FIGURES = (
    *("average_precision", "auc", "session_average_precision", "session_auc", "brier", "ece"),
    *("recall_20", "mrr_20", "coverage", "microseconds"),
)


def keep(version: Path, figures: dict[str, Any], pictures: Mapping[str, bytes]) -> None:
    """Write the report into a version's folder; replaces an older one. Raises RegistryError."""
    contents = {
        **pictures,
        "report.md": text(figures).encode(),
        "report.json": json.dumps(figures, indent=1).encode(),
    }
    try:
        (version / FOLDER).mkdir(exist_ok=True)
        for name, content in contents.items():
            replace_file(version / FOLDER / name, content)
    except OSError as error:
        raise RegistryError(
            f"cannot write the gate's report to {version / FOLDER}: {error}; the registry must have room and "
            "be writable"
        ) from error


def read(version: Path) -> dict[str, Any]:
    """The figures of the report in a version's folder. Raises RegistryError."""
    try:
        figures: dict[str, Any] = json.loads((version / FOLDER / "report.json").read_bytes())
    except (OSError, ValueError) as error:
        raise RegistryError(
            f"cannot read the gate's report in {version / FOLDER}: {error}; judge it again with "
            "`pathcast models gate`"
        ) from error
    return figures


def text(figures: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    lines = [f"# {figures['candidate']}: {figures['verdict']}", "", f"{_sentence(figures['reason'])}", ""]
    lines += [f"Incumbent: {figures['incumbent'] or 'none'}.", ""]
    if figures["slice"]:
        lines += [_slice(figures["slice"]), ""]
    if "figures" in figures:
        lines += [*_table(figures), "", *_ahead(figures), "", *_floors(figures), "", "![](report.png)", ""]
    if "shadow" in figures:
        names = figures["candidate"], figures["incumbent"]
        lines += [*shadow_rules.text(figures["shadow"], names), ""]
    if "drift" in figures:
        lines += [*_drift(figures["drift"], figures["incumbent"]), "", "![](drift.png)", ""]
    return "\n".join(lines)


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:].rstrip(".") + "."


def _slice(described: Mapping[str, int]) -> str:
    since, until = (
        datetime.fromtimestamp(described[name] / 1000, UTC).isoformat(sep=" ", timespec="minutes")
        for name in ("since", "until")
    )
    return (
        f"Judged on {described['clicks']:,} clicks of {described['visitors']:,} visitors, of whom "
        f"{described['buyers']:,} bought, from {since} to {until}: sessions that neither has seen and that "
        "were over."
    )


def _table(figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"| | {' | '.join(_FIGURES)} |"
    yield "|---" * (1 + len(_FIGURES)) + "|"
    for name, values in figures["figures"].items():
        cells = (f"{values[figure]:.4f}" if figure in values else "" for figure in _FIGURES)
        yield f"| {name} | {' | '.join(cells)} |"


def _ahead(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| ahead of | figure | by | 95% |"
    yield "|---|---|---|---|"
    for name, differences in figures["ahead of"].items():
        for figure, difference in differences.items():
            by, low, high = (f"{difference[part]:+.4f}" for part in ("ahead", "low", "high"))
            yield f"| {name} | {figure} | {by} | {low} to {high} |"


def _drift(drift: Mapping[str, Any], name: str) -> Iterator[str]:
    most = ", ".join(f"{feature} {index:.2f}" for feature, index in list(drift["features"].items())[:5])
    yield f"Drift since {name}: {'; '.join(drift['alarms']) or 'no alarm'}."
    yield ""
    yield f"Stability index of its scores {drift['score']:.3f}; most moved features: {most}."


def _floors(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| floor | found | limit | kept |"
    yield "|---|---|---|---|"
    for floor in figures["floors"]:
        kept = "yes" if floor["kept"] else "no"
        yield f"| {floor['figure']} | {floor['value']:.4f} | {floor['limit']:.4f} | {kept} |"
