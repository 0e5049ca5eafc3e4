"""Training of a network: all heads together, with early stopping on the newest sessions."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.features.features import NAMES
from models.features.vocabulary import Vocabulary
from models.network.network import Config, Network
from models.scoring.scorer import pick_device
from trainer.examples.vectors import Vectors
from trainer.fitting import normalisation, rating_means
from trainer.fitting.augment import augmented
from trainer.fitting.calibrate import by_band
from trainer.fitting.head_losses import calibrate
from trainer.fitting.losses import losses, total, validate
from trainer.fitting.pretrain import Pretext, stages
from trainer.fitting.warm_start import NOTHING_FROZEN, Frozen
from trainer.loop import distributed
from trainer.loop.data import Data
from trainer.loop.loop import EpochFigures, Loop, Objective
from trainer.loop.options import Options
from trainer.loop.progress import STAGE, Progress, Report, score
from trainer.loop.run_log import Journal
from trainer.loop.targets import NO_HEADS, HeadPlan, Targets

__all__ = ["Journal", "Progress", "Report", "fit", "initial"]


class Supervised(Objective):
    """The objective of training: the weighted losses of all heads."""

    def __init__(self, network: Network, data: Data, options: Options) -> None:
        super().__init__(data)
        self.network, self._options = network, options

    def table(self) -> Tensor:
        """The network's input table."""
        return self.network.table.weight

    def forward(self, chosen: NDArray[np.int64]) -> Tensor:
        """The loss, a scalar."""
        options = self._options
        parts = losses(
            self.network,
            self.data,
            chosen,
            candidates=options.candidates,
            power=options.power,
            gradient=options.heads_gradient,
            smoothing=options.smoothing,
        )
        return total(self.network, parts, options)

    def clipped(self) -> list[list[nn.Parameter]]:
        """Parameter groups for gradient clipping; the further heads are clipped separately, so that they do
        not change the rest.
        """
        own = list(self.network.tasks.parameters()) if self.network.tasks is not None else []
        known = set(map(id, own))
        return [[one for one in self.parameters() if id(one) not in known], own]


def initial(
    vocabulary: Vocabulary,
    weights: NDArray[np.int64],
    data: Data,
    options: Options,
    plan: HeadPlan = NO_HEADS,
    vectors: Vectors | None = None,
) -> Network:
    """An untrained network with the items' categories, popularity and content, and the scale of
    the features.
    """
    torch.manual_seed(options.seed)
    network = Network(_config(vocabulary, options, plan, vectors))
    # Content changes every row of the table, and processes average dense gradients only.
    network.sparse = options.table_rate > 0 and vectors is None and distributed.count() == 1
    sizes = vocabulary.sizes
    rows = sizes.offsets[1] + vocabulary.category_rows(vocabulary.categories)
    network.item_categories.copy_(torch.from_numpy(rows))
    normalisation.learn(network, data.features, options.ignored)
    # A log of impressions alone shows no interest in any item: all of them keep equal shares.
    if weights.sum() > 0:
        network.share.copy_(torch.from_numpy(weights / weights.sum()))
    if vectors is not None:
        network.describe(vectors.of(vocabulary.ids), torch.from_numpy(weights == 0))
    if options.cosine:
        # A bias would bring back the popularity that the cosine normalisation removes.
        network.item_bias.requires_grad_(False)
    else:
        network.item_bias.data.copy_(torch.log(network.share.clamp_min(1e-7)))
    if network.tasks is not None:
        network.tasks.noise.requires_grad_(options.loss_weights == "learned")
    return network.to(pick_device(options.device))


def _config(vocabulary: Vocabulary, options: Options, plan: HeadPlan, vectors: Vectors | None) -> Config:
    sizes = vocabulary.sizes
    return Config(
        sizes.items,
        len(NAMES),
        sizes.item_buckets,
        sizes.category_buckets,
        sizes.page_buckets,
        embedding=options.embedding,
        hidden=options.hidden,
        dropout=options.dropout,
        cosine=options.cosine,
        encoder=options.encoder,
        layers=options.layers,
        attention_heads=options.attention_heads,
        window=options.window,
        task_width=options.task_width,
        tasks=plan.tasks,
        churn_days=plan.churn_days,
        content=vectors.width if vectors is not None else 0,
    )


def fit(
    network: Network,
    train: Data,
    valid: Data | None,
    options: Options,
    report: Report,
    journal: Journal | None = None,
    frozen: Frozen = NOTHING_FROZEN,
) -> Network:
    """Train until validation stops improving; returns the network with the best epoch's weights, calibrated
    on validation.

    Without validation data all epochs run and the last weights are kept. Raises CheckpointError.
    """
    journal = journal or Journal()
    journal.begin(network, train, valid, options)
    if options.pretrain != "none":
        first, options = stages(options)
        if not journal.passed("pretraining"):
            journal.run(_loop("pretraining", Pretext(network, train, first), first, report, frozen), None)
    loop = _loop(STAGE, Supervised(network, train, options), options, report, frozen)
    loop.curve = [*journal.curve]
    journal.run(loop, (lambda: _judge(network, valid, options)) if valid else None)
    if valid is not None:
        _calibrate(network, valid, options, train.tasks)
    return network.eval()


def _loop(
    stage: str, objective: Supervised | Pretext, options: Options, report: Report, frozen: Frozen
) -> Loop:
    train, sizes = objective.data, objective.network.config.sizes
    frozen.apply(objective.network)
    loop = Loop(stage, objective, lambda epoch: augmented(train, sizes, options, epoch), options, report)
    frozen.restoring(objective.network, loop.optimiser)
    return loop


def _judge(network: Network, valid: Data, options: Options) -> EpochFigures:
    next_loss, area, *_ = validate(network, valid, options.clicks_per_batch)
    return EpochFigures(next_loss, area, distributed.first_says(score(next_loss, area)))


def _calibrate(network: Network, valid: Data, options: Options, learned: Targets | None) -> None:
    validated = validate(network, valid, options.clicks_per_batch)
    judged, buys = valid.judged.numpy(), valid.buys.numpy()
    network.calibration.copy_(by_band(validated.logits[judged], buys[judged], valid.position.numpy()[judged]))
    if network.tasks is not None and valid.tasks is not None and validated.raw is not None:
        calibrate(network.tasks, validated.raw, valid.tasks, learned)
        rating_means.calibrate(network, validated.raw, valid)
