"""Training settings by name."""

from pathlib import Path

import pytest

from trainer.loop.options import Options, OptionsError, changed, read, stored


def test_settings_take_the_type_of_their_default() -> None:
    made = changed(Options(), ["epochs=3", "dropout = 0.5", "precision=bf16", "ignored=hour,price"])
    assert (made.epochs, made.dropout, made.precision, made.ignored) == (3, 0.5, "bf16", ("hour", "price"))
    assert changed(Options(), ["ignored="]).ignored == ()
    assert changed(Options(), ["compiled=true"]).compiled
    assert not changed(Options(compiled=True), ["compiled=False"]).compiled


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('hidden = 128\nignored = ["price"]\n')
    assert read(path, Options(epochs=2)) == Options(epochs=2, hidden=128, ignored=("price",))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "no NAME=VALUE"),
        ("epoch=3", "'epoch' is no training setting; choose from seed, epochs"),
        ("epochs=many", "epochs is 'many'; expected a whole number from 1 to 2,147,483,648"),
        ("epochs=3.7", "epochs is '3.7'; expected a whole number"),
        ("dropout=-1", "dropout is '-1'; expected a number from 0 to below 1"),
        ("dropout=nan", "dropout is 'nan'; expected a number from 0 to below 1"),
        ("pretrain=bert", "pretrain is 'bert'; expected one of none, causal, masked"),
        ("mask=1.5", "mask is '1.5'; expected a number from 0 to below 1"),
        ("compiled=perhaps", "compiled is 'perhaps'; expected true or false"),
        ("precision=fp8", "expected one of auto, fp32, bf16"),
        ("epochs=0", "epochs is '0'; expected a whole number from 1 to"),
        ("hidden=0", "hidden is '0'; expected a whole number from 1 to 8,192"),
        ("clicks_per_batch=0", "clicks_per_batch is '0'; expected a whole number from 1"),
        ("seconds=0", "seconds is '0'; expected a number from 0.001"),
        ("seed=99999999999999999999", "seed is '99999999999999999999'; expected a whole number from 0"),
        ("learning_rate=1000", "learning_rate is '1000'; expected a number from 0 to 1"),
        ("table_rate=1e9", "table_rate is '1e9'; expected a number from 0 to 10"),
        ("heads_weight=1e30", "heads_weight is '1e30'; expected a number from 0"),
        ("warm_up=5", "warm_up is '5'; expected a number from 0 to 1"),
        ("ignored=nosuch", "ignored has 'nosuch'; expected the beginning of a feature name"),
    ],
)
def test_wrong_settings_are_explained(setting: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        changed(Options(), [setting])


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("epochs: 3")
    with pytest.raises(OptionsError, match=r"config\.toml cannot be read"):
        read(path, Options())


@pytest.mark.parametrize(
    "line",
    [
        "ignored = 3",
        "ignored = [1]",
        "epochs = inf",
        "epochs = [1]",
        "epochs = true",
        "epochs = 3.7",
        "dropout = nan",
        "encoder = 3",
    ],
)
def test_a_value_of_another_kind_is_explained(tmp_path: Path, line: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(line)
    with pytest.raises(OptionsError, match=f"{line.split()[0]} is .*; expected"):
        read(path, Options())


def test_options_that_were_given_before_are_checked_as_well() -> None:
    with pytest.raises(OptionsError, match="epochs is 0; expected a whole number"):
        changed(Options(epochs=0), [])


def test_a_version_keeps_options_as_json_has_them() -> None:
    kept = {"seconds": 90, "ignored": ["hour"], "refit": False, "removed_setting": 1}
    assert stored(kept) == Options(seconds=90.0, ignored=("hour",), refit=False)


def test_every_default_is_within_its_bounds() -> None:
    assert changed(Options(), []) == Options()
