"""The actions file is followed: a valid change is used, a wrong one is told and the former one stays."""

from pathlib import Path

from models.decisions.actions import ActionSet
from streams.constraints.live_actions import LiveActions
from streams.metrics import Metrics

TEXT = (
    'placement = "p"\nepsilon = 0.1\n[[actions]]\nname = "none"\nkind = "none"\n'
    '[[actions]]\nname = "ad"\nkind = "ad"\nweight = 2.0\n'
)


class Used(list[tuple[ActionSet, ...]]):
    """What was taken into use."""

    async def take(self, sets) -> None:
        self.append(tuple(sets))


def followed(path: Path) -> tuple[LiveActions, Used, Metrics]:
    path.write_text(TEXT)
    used, metrics = Used(), Metrics()
    return LiveActions(path, TEXT, used.take, metrics), used, metrics


def changes(metrics: Metrics) -> dict[str, float]:
    samples = metrics.actions_file.collect()[0].samples
    return {one.labels["outcome"]: one.value for one in samples if one.name.endswith("_total")}


async def test_a_valid_change_is_used_once(tmp_path: Path) -> None:
    live, used, metrics = followed(tmp_path / "actions.toml")
    await live.look()
    assert used == []
    (tmp_path / "actions.toml").write_text(TEXT.replace("2.0", "3.0"))
    await live.look()
    await live.look()
    assert [sets[0].actions[1].weight for sets in used] == [3.0]
    assert changes(metrics) == {"used": 1}


async def test_a_wrong_file_is_refused_with_its_line_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    live, used, metrics = followed(path)
    path.write_text(TEXT.replace("2.0", '"heavy"'))
    await live.look()
    await live.look()
    assert used == []
    told = live.describe()
    assert "actions[1] (ad).weight" in told["refused"]
    assert "line 9" in told["refused"]
    assert metrics.actions_refused._value.get() == 1
    path.write_text(TEXT.replace("2.0", "4.0"))
    await live.look()
    assert (live.describe()["refused"], metrics.actions_refused._value.get()) == (None, 0)
    assert changes(metrics) == {"used": 1, "refused": 1}


async def test_the_former_text_again_is_no_refusal_any_more(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    live, _, metrics = followed(path)
    path.write_text("placement = 3")
    await live.look()
    path.write_text(TEXT)
    await live.look()
    assert live.describe()["refused"] is None
    assert metrics.actions_refused._value.get() == 0


async def test_a_file_that_is_gone_or_names_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    live, used, _ = followed(path)
    path.unlink()
    await live.look()
    assert "No such file" in live.describe()["refused"]
    path.write_text(TEXT)
    await live.look()
    assert live.describe()["refused"] is None
    path.write_text('policy = "clever"\n' + TEXT)
    await live.look()
    assert "'clever'" in live.describe()["refused"]
    assert [sets[0].policy for sets in used] == ["rules"]


async def test_the_shipped_example_is_not_followed() -> None:
    live = LiveActions(None, TEXT, Used().take, Metrics())
    await live.run()
    assert live.describe()["file"] is None
