"""Earlier parts of the training clicks, judged by smaller trainings on the clicks before each.

One validation part is one week, with few buyers. So who serves purchase intent is judged on earlier parts of
the same length too, by a network that learns intent and next items alone, for half of the epochs, and by
trees (rolling origin: Tashman 2000). All of them together cost less than the training itself.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Final

from trainer.examples.examples import Examples, ExamplesError
from trainer.examples.split import split
from trainer.loop import distributed
from trainer.loop.progress import STAGE, Report
from trainer.training.learn import Learned, learn
from trainer.training.training_inputs import TrainingInputs

#: Earlier parts that are judged, where time and clicks suffice.
EARLIER: Final = 2
#: Share of the best number of epochs that a network of an earlier origin learns for.
EPOCHS: Final = 0.5
#: The clicks before an origin are at least so many times those of the part after it.
LONGER: Final = 2


def origins(train: Examples, count: int) -> Iterator[tuple[Examples, Examples]]:
    """The clicks before each earlier origin, and the part of about `count` clicks after it, newest first.

    Parts without a buyer, or without one before them, are left out.
    """
    older = train
    for _ in range(EARLIER):
        share = count / len(older)
        if (1 + LONGER) * share > 1:
            return
        try:
            older, part = split(older, (1 - share, share))
        except ExamplesError:
            return
        if all(both_classes(clicks) for clicks in (older, part)):
            yield older, part


def both_classes(clicks: Examples) -> bool:
    """Whether some judged clicks are followed by a purchase, and some are not."""
    bought = clicks.buys[clicks.judged]
    return bool(0 < bought.sum() < len(bought))


def learned(
    first: Learned, inputs: TrainingInputs, seconds: float
) -> Iterator[tuple[Learned, Examples, Examples]]:
    """A network of each earlier origin with the clicks before and after it, as far as `seconds` suffice.

    None for a training that starts from another version, which may know the later clicks, and none for one of
    several processes.
    """
    if inputs.start is not None or distributed.count() > 1:
        return
    epochs = max(1, ceil(EPOCHS * first.epochs[0]))
    ran = sum(point.stage == STAGE for point in inputs.journal.curve) or first.epochs[0]
    each = first.seconds / inputs.options.networks / ran / len(inputs.train)
    for number, (older, part) in enumerate(origins(inputs.train, len(inputs.judged_on))):
        seconds -= each * epochs * len(older)
        if seconds < 0:
            return
        yield learn(_inputs(inputs, older, epochs, number)), older, part


def _inputs(inputs: TrainingInputs, older: Examples, epochs: int, number: int) -> TrainingInputs:
    """A short training of intent and next items alone."""
    options = replace(
        inputs.options,
        epochs=epochs,
        heads_weight=0.0,
        ensemble=1,
        teacher_width=0,
        pretrain="none",
        freeze=(),
    )
    journal, report = inputs.journal.of_origin(number), _named(inputs.report, number)
    return replace(inputs, train=older, valid=None, options=options, journal=journal, report=report)


def _named(report: Report, number: int) -> Report:
    return lambda at: report(at._replace(stage=f"earlier part {number + 1}"))
