"""Whatever the bytes, each input becomes a click or a rejection with its reason."""

from collections import Counter
from itertools import islice

import msgspec
import pytest

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits, Reason, Rejected
from tests.fuzzing import mutations

INPUTS = 20_000


@pytest.mark.parametrize("seed", [1])
def test_every_mutated_input_has_a_fate(seed: int) -> None:
    decoder = Decoder(Limits(), Catalogue())
    fates: Counter[str] = Counter()
    records = mutations(seed)
    for _ in range(INPUTS // 2000):
        chunk = list(islice(records, 2000))
        decoded = decoder.decode(chunk)
        assert len(decoded) == len(chunk)
        for entry in decoded:
            fates[entry.reason.value if isinstance(entry, Rejected) else _in_contract(entry)] += 1
    print(f"\n{sum(fates.values())} inputs: {dict(fates.most_common())}; dropped fields: {decoder.dropped}")
    assert sum(fates.values()) == INPUTS
    assert set(fates) == {"click", *(reason.value for reason in Reason)} - {"late"}
    assert fates["click"] > INPUTS // 4
    assert decoder.dropped


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert list(islice(mutations(3), 200)) == list(islice(mutations(3), 200))


def _in_contract(click: Click) -> str:
    """A click that passed must itself be valid and encodable: it enters states and answers."""
    wire = msgspec.structs.asdict(click) | {"flags": 0}
    assert msgspec.json.decode(msgspec.json.encode(wire), type=Click, strict=True) == msgspec.structs.replace(
        click, flags=0
    )
    return "click"
