"""`python -m tests.bench.policy_simulation --part PART`: shows in the simulated shop."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tests.bench.policy_simulation import dqn_show, gate_show, regret_show, value_show
from tests.bench.policy_simulation.learners import BANDITS, learner
from tests.bench.policy_simulation.worlds import LOG, world
from trainer.logs.log_files import read_log
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.simulation.realism import resemblance


def _shoppers(_seeds: range, _size: int) -> dict[str, Any]:
    return resemblance(world(0), read_log([LOG]).collect())._asdict()


def _values(seeds: range, size: int) -> dict[str, Any]:
    return value_show.values({name: learner(name) for name in BANDITS}, seeds, size)


def _regret(seeds: range, size: int) -> dict[str, Any]:
    learners = {"rules": None, **{name: learner(name) for name in ("thompson", "uplift")}}
    return regret_show.mean_regrets(learners, seeds, rounds=10, decisions=size // 10)


def _dqn(seeds: range, size: int) -> dict[str, Any]:
    both = {"conservative": learner("dqn", horizon=3), "plain": learner("dqn", alpha=0.0, horizon=3)}
    found = [dqn_show.trained(both, seed, size) for seed in seeds]
    return {"summary": dqn_show.summary(found), "worlds": [one._asdict() for one in found]}


def _gate(seeds: range, size: int) -> dict[str, Any]:
    return _judged(gate_show.judgements(learner("uplift"), seeds, size, False, PolicyGateSettings()))


def _session_gate(seeds: range, size: int) -> dict[str, Any]:
    found = gate_show.judgements(learner("dqn", horizon=4), seeds, size, True, PolicyGateSettings())
    return _judged(found)


def _judged(found: list[gate_show.Judgement]) -> dict[str, Any]:
    return {"summary": gate_show.summary(found), "candidates": [one._asdict() for one in found]}


#: Parts with their default number of worlds and of decisions or sessions of a log.
PARTS: dict[str, tuple[Callable[[range, int], dict[str, Any]], int, int]] = {
    "shoppers": (_shoppers, 1, 0),
    "values": (_values, 3, 40_000),
    "regret": (_regret, 3, 20_000),
    "dqn": (_dqn, 100, 2_000),
    "gate": (_gate, 100, 50_000),
    "session-gate": (_session_gate, 50, 8_000),
}


@click.command()
@click.option("--part", type=click.Choice(list(PARTS)), required=True)
@click.option("--worlds", type=click.IntRange(1), help="So many worlds instead of the part's own number.")
@click.option(
    "--first", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first world."
)
@click.option("--size", type=click.IntRange(100), help="Decisions or sessions of a log.")
@click.option(
    "--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here."
)
def main(part: str, worlds: int | None, first: int, size: int | None, out: Path | None) -> None:
    """Run one show; all figures are simulated."""
    show, count, usual = PARTS[part]
    began = time.monotonic()
    seeds = range(first, first + (worlds or count))
    found = {"simulated": True, "part": part, "worlds": len(seeds), "size": size or usual}
    found["figures"] = show(seeds, size or usual)
    found["seconds"] = round(time.monotonic() - began, 1)
    text = json.dumps(found, indent=1, default=float)
    click.echo(text)
    if out:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
