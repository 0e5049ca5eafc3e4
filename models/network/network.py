"""The sequence network: an encoder over event codes; heads for next item, purchase and further questions.

The encoder is one of `models.network.encoders`, by name. Output embeddings are tied to input embeddings (Inan
et al. 2017). Every input of the encoder comes from the 16-byte event code, so that any version can recompute
its states from a visitor's record.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.contract.head_table import Layout
from models.features.features import PRICE_ROWS
from models.features.relative_price import with_relative_price
from models.features.vocabulary import Sizes
from models.network import encoders
from models.network.encoder import Rows, Serving, Shape
from models.network.heads import HeadModule
from models.network.item_content import ItemContent
from models.network.ratings import Ratings
from models.network.sparse_embedding import sparse_embedding

#: Last click index of each band with a calibration of its own; the last band is open.
BANDS = (1, 2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes and options of a network; saved as JSON beside its weights."""

    items: int
    features: int
    item_buckets: int = 256
    category_buckets: int = 512
    page_buckets: int = 1024
    embedding: int = 64
    hidden: int = 64
    intent: int = 64
    dropout: float = 0.2
    #: Scale of cosine similarities between queries and items; 0 for plain products with a bias.
    cosine: float = 0.0
    #: See `models.network.encoder.Shape`.
    encoder: str = "gru"
    layers: int = 0
    attention_heads: int = 2
    window: int = 0
    #: Width of the trunk that all heads of `tasks` share.
    task_width: int = 64
    #: Heads beside purchase and next item, with the names of their classes (`models.contract.head_table`).
    tasks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: Days of absence that the head `churn` predicts.
    churn_days: float = 0.0
    #: Width of the items' content vectors (`models.network.item_content`); 0 for none.
    content: int = 0

    @property
    def sizes(self) -> Sizes:
        """Sizes of the input table."""
        return Sizes(self.items, self.item_buckets, self.category_buckets, self.page_buckets)

    @property
    def shape(self) -> Shape:
        """Name and sizes of the encoder."""
        return Shape.of(self)

    def as_dict(self) -> dict[str, float | str]:
        """For JSON."""
        return asdict(self)


class Network(nn.Module):
    """Embeddings, encoder and heads. A click's input is the sum of the rows of its fields in `table`."""

    item_categories: Tensor
    share: Tensor
    mean: Tensor
    scale: Tensor
    prices: Tensor
    calibration: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        #: Whether gradients of the table are sparse (the rows of the batch only). Not possible with
        #: `content`.
        self.sparse = False
        self.table = nn.Embedding(config.sizes.rows, config.embedding)
        self.encoder = encoders.build(config.shape)
        self.query = nn.Linear(config.hidden, config.embedding, bias=False)
        self.item_bias = nn.Parameter(torch.zeros(config.items))
        self.intent = _intent_head(config)
        self.dropout = nn.Dropout(config.dropout)
        # Rows of the items' categories [V], their share of demand [V], normalisation [F], prices by category
        # (`models.features.relative_price`), Platt scaling by band.
        self.register_buffer("item_categories", torch.zeros(config.items, dtype=torch.int64))
        self.register_buffer("share", torch.full((config.items,), 1 / max(1, config.items)))
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("scale", torch.ones(config.features))
        self.register_buffer("prices", torch.zeros(PRICE_ROWS, 2))
        self.register_buffer("calibration", torch.tensor([[1.0, 0.0]]).repeat(len(BANDS) + 1, 1))
        nn.init.normal_(self.table.weight, std=0.05)
        # Last, so that all other weights are initialised alike with and without them.
        self.tasks = _task_heads(config)
        self.ratings = Ratings(config.sizes) if "rating" in dict(config.tasks) else None
        self.content = ItemContent(config.items, config.content, config.embedding) if config.content else None

    def encode(self, rows: Tensor) -> Tensor:
        """Hidden states `[B, T, H]` after each click of whole sessions, from `rows` `[B, T, FIELDS]`."""
        return self.encoder.full(self.dropout(self._sums(rows)))

    def _sums(self, rows: Tensor) -> Tensor:
        """Sums `[..., E]` of rows `[..., K]` of the input table."""
        if not (self.sparse and torch.is_grad_enabled()):
            return F.embedding(rows, self.inputs()).sum(-2)
        return sparse_embedding(self.table.weight, rows.flatten(0, -2)).view(*rows.shape[:-1], -1)

    def inputs(self) -> Tensor:
        """The input table `[R, E]`; an item's row includes its content."""
        return self.table.weight if self.content is None else self.content(self.table.weight)

    def serving(self, rows: Rows) -> Serving:
        """The serving form of the encoder; `rows` is `Vocabulary.rows`."""
        return self.encoder.serving(self.inputs().detach(), rows)

    def describe(self, vectors: tuple[Tensor, Tensor], cold: Tensor) -> None:
        """Set the items' content (`ItemContent.set`); items without clicks, `cold` [V], get embedding 0."""
        assert self.content is not None
        self.content.set(*vectors)
        self.table.weight.data[1 : 1 + len(cold)][cold] = 0

    def item_embeddings(self, chosen: Tensor | None = None) -> Tensor:
        """Output embeddings `[V, E]` of all items, or `[C, E]` of the items `chosen` [C].

        The sum of the input embeddings of item and category, so that a rare item is near its category.
        """
        items, kinds = torch.arange(self.config.items, device=self.mean.device), self.item_categories
        if chosen is not None:
            items, kinds = chosen, kinds[chosen]
        # F.embedding, because the gradient of plain indexing depends on the order of threads.
        if self.content is None:
            made = self._sums(torch.stack([items + 1, kinds], -1))
        else:
            made = F.embedding(items + 1, self.inputs()) + F.embedding(kinds, self.table.weight)
        return F.normalize(made, dim=-1) if self.config.cosine else made

    def queries(self, hidden: Tensor) -> Tensor:
        """Queries `[N, E]` of hidden states `[N, H]`.

        Unit vectors times `cosine` where it is set, so that an item's norm, which grows with its popularity,
        has no effect (NISER, Gupta et al. 2019, "Normalized item and session representations").
        """
        made: Tensor = self.query(hidden)
        return F.normalize(made, dim=-1) * self.config.cosine if self.config.cosine else made

    def next_item(self, hidden: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Logits `[N, V]` over the vocabulary, or over the items `chosen`, for hidden states `[N, H]`."""
        return F.linear(*self.competing(hidden, chosen))

    def competing(self, hidden: Tensor, chosen: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The factors of `next_item`: queries `[N, E]`, items `[C, E]`, and the items' bias `[C]`."""
        bias = self.item_bias
        own = bias if chosen is None else F.embedding(chosen, bias[:, None]).squeeze(1)
        return self.queries(self.dropout(hidden)), self.item_embeddings(chosen), own

    def purchase(self, hidden: Tensor, features: Tensor) -> Tensor:
        """Uncalibrated logits `[N]` from hidden states `[N, H]` and feature rows `[N, F]`."""
        return self.purchase_of(self.head_inputs(hidden, features))

    def purchase_of(self, inputs: Tensor) -> Tensor:
        """Uncalibrated logits `[N]` from `head_inputs`."""
        logits: Tensor = self.intent(inputs)
        return logits.squeeze(-1)

    def head_inputs(self, hidden: Tensor, features: Tensor) -> Tensor:
        """Hidden states beside normalised feature rows `[N, H + F]`."""
        return torch.cat([hidden, self.normalised(features)], -1)

    def normalised(self, features: Tensor) -> Tensor:
        """Feature rows `[N, F]` with relative prices, less the mean and over the deviation in training."""
        return (with_relative_price(features, self.prices) - self.mean) * self.scale

    def calibrated(self, logits: Tensor, position: Tensor) -> Tensor:
        """Probabilities `[N]` by Platt scaling (Platt 1999), a line for each band of click indices `[N]`."""
        lines = self.calibration[band(position)]
        return torch.sigmoid(logits * lines[:, 0] + lines[:, 1])


def band(position: Tensor) -> Tensor:
    """Band of each click index `[N]`, from 0."""
    return torch.bucketize(position, torch.tensor(BANDS, device=position.device))


def _task_heads(config: Config) -> HeadModule | None:
    if not config.tasks:
        return None
    inputs = config.hidden + config.features
    layout = Layout.of(config.tasks)
    return HeadModule(layout, inputs, config.task_width, config.dropout, config.churn_days)


def _intent_head(config: Config) -> nn.Sequential:
    width = config.hidden + config.features
    return nn.Sequential(
        nn.Linear(width, config.intent), nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(config.intent, 1)
    )
