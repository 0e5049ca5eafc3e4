"""The state of a loop: all that its next batch depends on, read and restored."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from trainer.loop.loop import Loop, LoopPosition
from trainer.loop.progress import Point


def tensors(loop: Loop) -> dict[str, Tensor]:
    """Weights, best weights, the optimiser's moments, and the states of torch's generators, by name."""
    made = {f"objective.{name}": value for name, value in loop.objective.state_dict().items()}
    made |= {f"kept.{name}": value for name, value in loop.kept.items()}
    for number, moments in loop.optimiser.state_dict()["state"].items():
        made |= {f"optimiser.{number}.{name}": value for name, value in moments.items()}
    made["generator.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        made["generator.cuda"] = torch.cuda.get_rng_state()
    return {name: value.detach().cpu().contiguous().clone() for name, value in made.items()}


def place(loop: Loop) -> dict[str, Any]:
    """The rest of the state, as JSON values."""
    return {
        "place": asdict(loop.at),
        "before": loop.before,
        "elapsed": loop.schedule.elapsed,
        "shuffled": loop.shuffled,
        "curve": loop.curve,
    }


def restore(loop: Loop, found: Mapping[str, Any], stored: dict[str, Tensor]) -> None:
    """Restore a loop from `place` and `tensors`; KeyError and similar errors if they do not fit."""
    _restore_tensors(loop, stored)
    loop.at = LoopPosition(**found["place"])
    loop.curve = [Point(*point) for point in found["curve"]]
    loop.shuffled = found["shuffled"]
    loop.shuffle.bit_generator.state = found["shuffled"]
    loop.before = float(found["before"])
    loop.schedule.resume(float(found["elapsed"]))


def _restore_tensors(loop: Loop, tensors: dict[str, Tensor]) -> None:
    parts: dict[str, dict[str, Tensor]] = {"objective": {}, "kept": {}, "optimiser": {}, "generator": {}}
    for name, value in tensors.items():
        part, _, key = name.partition(".")
        parts[part][key] = value
    loop.objective.load_state_dict(parts["objective"])
    loop.kept = parts["kept"]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in parts["optimiser"].items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = value
    groups = loop.optimiser.state_dict()["param_groups"]
    loop.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    torch.set_rng_state(parts["generator"]["cpu"])
    if torch.cuda.is_available() and "cuda" in parts["generator"]:
        torch.cuda.set_rng_state(parts["generator"]["cuda"])
