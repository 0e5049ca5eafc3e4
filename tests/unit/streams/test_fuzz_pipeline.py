"""100,000 mutated inputs through contract and pipeline: each is answered, refused, or a counted duplicate."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from models.contract.events import Limits, Reason
from tests.fuzzing import START, check_sizes, mutations
from tests.offline import Offline, Record

INPUTS, CHUNK, REPEATS = 100_000, 2000, 20
ANSWERS = ("purchase-intent", "recommendations", "ad-decisions")


def chunks() -> Iterator[list[Record]]:
    """Mutated inputs as a broker keeps them, every chunk with some of the one before sent again."""
    inputs, before = mutations(7), list[Record]()
    for first in range(0, INPUTS, CHUNK):
        repeated = before[-REPEATS // 2 :] + before[: REPEATS // 2]
        # The broker stamps what the producer did not.
        fresh = [
            Record(0, one.timestamp if one.timestamp > 0 else START + 20_000 * number, *one[:2], one.headers)
            for number, one in enumerate(islice(inputs, CHUNK - len(repeated)), start=first)
        ]
        chunk = [one._replace(offset=first + at) for at, one in enumerate(repeated + fresh)]
        before = fresh
        yield chunk


def test_every_mutated_input_has_a_fate():
    offline, fates = Offline(limits=Limits(trust_original_time=False)), Counter()
    for chunk in chunks():
        counted = offline.metrics.duplicates._value.get()
        outputs = offline.process(chunk).outputs
        answered = {len(outputs.get(topic, ())) for topic in ANSWERS}
        letters = outputs.get("clicks-dead-letter", [])
        duplicates = int(offline.metrics.duplicates._value.get() - counted)
        assert len(answered) == 1
        assert answered.pop() + len(letters) + duplicates == CHUNK
        fates.update(answered=len(outputs[ANSWERS[0]]), duplicate=duplicates)
        fates.update(dict(headers)["reason"].decode() for _, _, headers in letters)
        sent = {record.offset: (record.key, record.value) for record in chunk}
        for key, value, headers in letters:
            assert sent[int(dict(headers)["source-offset"])] == (key, value)
    print(f"\n{sum(fates.values())} mutated inputs: {dict(fates.most_common())}")
    assert sum(fates.values()) == INPUTS
    assert fates["answered"] > INPUTS // 4
    assert all(fates[fate] for fate in ("duplicate", *(reason.value for reason in Reason))), fates
    check_sizes(offline.state)
