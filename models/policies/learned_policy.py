"""A learned policy: its heads' shares of the allowed actions, over the floor of exploration.

It decides from published numbers alone (`Context`), so `pathcast decisions verify` recomputes each decision
from its record. Serving and off-line evaluation use the same `scores` and `shares`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from models.contract.decision_context import Context, inputs_mark
from models.contract.explanations import DecisionExplanation
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE
from models.decisions.explorable_actions import ExplorableActions
from models.policies.action_features import ActionFeatures, described_actions, is_new
from models.policies.context_columns import ContextReader, encode_table, inputs_of
from models.policies.evaluation import Finished, LearnedEvaluation, ProbabilityRecord, bools, evaluations
from models.policies.head_kinds import make_head
from models.policies.input_expansion import Expansion
from models.policies.policy_errors import LearnedPolicyError
from models.policies.policy_files import PolicyContent, read
from models.policies.policy_heads import Bools, Floats, PolicyHeadInputs
from models.policies.reasons import explain
from models.policies.share_kernels import finish, finish_row

#: Part of a learned policy's version: how its parameters become decisions.
ALGORITHM: Final = "learned/1"
NO_ACTIONS: Final = "this policy was loaded without an action set; load it with one to decide"


class LearnedPolicy:
    """Implements `models.decisions.policy.Policy` for an action set, and `probabilities` for tables.

    Without an action set it is a policy over `features` (None: the actions of its training), for tables only:
    `evaluate` and `explain` need one.
    """

    def __init__(
        self,
        content: PolicyContent,
        actions: ActionSet | None,
        version: str = "",
        features: Sequence[ActionFeatures] | None = None,
    ) -> None:
        description = content.description
        self.content, self.name = content, description.kind
        self.columns, self.inputs = description.columns, inputs_of(description.columns)
        self._actions = actions
        if actions is not None:
            features = tuple(map(ActionFeatures.of, actions.actions))
        self.action_features = description.actions if features is None else tuple(features)
        self.action_names = tuple(one.name for one in self.action_features)
        self.record = ProbabilityRecord(self.action_names)
        self.none = next((at for at, one in enumerate(self.action_features) if one.kind == "none"), -1)
        own = actions.digest(ALGORITHM) if actions is not None else ALGORITHM
        self.version = f"{version or content.digest[:16]}.{own}{inputs_mark(self.inputs)}"
        self._expansion, self._reader = Expansion(self.columns), ContextReader(self.columns)
        rows = description.encoding.rows(self.action_features)
        self._heads = [
            (one.weight, make_head(one.kind, self._given(content, number, one.settings, rows)))
            for number, one in enumerate(description.heads)
        ]
        self._explorable = None if actions is None else ExplorableActions(actions)
        shares = actions.shares if actions is not None else (None,) * len(rows)
        self._own = np.array([-1 if share is None else share for share in shares], dtype=np.int64)
        self._epsilon = int(actions.epsilon * ONE) if actions is not None else 0

    def _given(
        self, content: PolicyContent, number: int, settings: Mapping[str, float], rows: Floats
    ) -> PolicyHeadInputs:
        tensors, width = content.of_head(number), self._expansion.width
        encoding = content.description.encoding
        new = np.array([is_new(encoding, one) for one in self.action_features], dtype=np.bool_)
        return PolicyHeadInputs(settings, tensors, rows, new, self.columns, width, self.none, self._actions)

    @property
    def actions(self) -> ActionSet:
        """The action set that it decides for. Raises LearnedPolicyError where it has none."""
        if self._actions is None:
            raise LearnedPolicyError(NO_ACTIONS)
        return self._actions

    def encode(self, table: Mapping[str, Sequence[object]]) -> Floats:
        """Contexts `[n, d]` of a table's columns by name. Raises LearnedPolicyError."""
        return encode_table(self.columns, table)

    def contexts(self, contexts: Sequence[Context]) -> Floats:
        """Contexts `[n, d]` of decision records."""
        return self._reader.read(contexts)

    def scores(self, contexts: Floats) -> list[Floats]:
        """The scores of each head."""
        inputs = self._expansion(contexts)
        return [head.scores(contexts, inputs) for _, head in self._heads]

    def shares(self, scores: Sequence[Floats], allowed: Bools) -> Floats:
        """Shares `[n, k]` before the floor of exploration; where nothing is allowed, `none` has 1."""
        total: Floats | None = None
        for (weight, head), one in zip(self._heads, scores, strict=True):
            part = head.shares(one, allowed)
            part *= weight
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        return total

    def probabilities(self, context: Floats, allowed: Bools, explorable: Bools | None = None) -> Floats:
        """Probabilities `[n, k]` of contexts `[n, d]` among the allowed actions `[n, k]`.

        Without `explorable` the floor of exploration is left out; with it they are those that are served.
        Where nothing is allowed `none` has probability 1. Raises LearnedPolicyError if there is no `none`.
        """
        allowed = self._allowed(np.asarray(allowed, dtype=np.bool_))
        shares = self.shares(self.scores(np.ascontiguousarray(context, dtype=np.float64)), allowed)
        if explorable is None:
            return shares
        return self._finished(shares, explorable & allowed).chances

    def served(self, contexts: Sequence[Context]) -> Floats:
        """Probabilities `[n, k]` that these records' contexts are served with, masks included."""
        masks = np.array([context.mask for context in contexts], dtype=np.int64)
        return self.probabilities(
            self.contexts(contexts), bools(masks, len(self.action_names)), self.explorable(contexts)
        )

    def _allowed(self, allowed: Bools) -> Bools:
        empty = ~allowed.any(axis=1)
        if not empty.any():
            return allowed
        if self.none < 0:
            raise LearnedPolicyError(
                f"{int(empty.sum())} contexts allow no action, and the policy has no action of kind 'none'; "
                "allow one in each context"
            )
        allowed = allowed.copy()
        allowed[empty, self.none] = True
        return allowed

    def finished(self, scores: Sequence[Floats], allowed: Bools, explorable: Bools) -> Finished:
        """Distributions over the allowed actions, and the floor of the explorable ones."""
        return self._finished(self.shares(scores, allowed), explorable)

    def _finished(self, shares: Floats, explorable: Bools) -> Finished:
        found, best = Finished.empty(*shares.shape), np.empty(len(shares), dtype=np.int64)
        finish(shares, explorable, self._epsilon, self._own, found.sums, found.chances, best)
        found.best.extend(best.tolist())
        return found

    def finish_row(
        self, scores: Sequence[Floats], explorable: Bools, row: int, mask: int, out: Finished
    ) -> None:
        """The same for one row among the actions of a mask, into the next row of `out`."""
        slot, sums, chances = len(out.best), out.sums, out.chances
        shares = np.zeros(sums.shape[1])
        for (weight, head), one in zip(self._heads, scores, strict=True):
            head.add_row(one, row, mask, weight, shares)
        own = self._epsilon, self._own
        out.best.append(finish_row(shares, explorable, row, mask, *own, slot, sums, chances))

    def explorable(self, contexts: Sequence[Context]) -> Bools:
        """The actions `[n, k]` that exploration may choose in each context."""
        if self._explorable is None:
            raise LearnedPolicyError(NO_ACTIONS)
        return self._explorable.of(contexts)

    def evaluate(self, contexts: Sequence[Context]) -> list[LearnedEvaluation]:
        """Scores of all contexts at once, and choices among all actions and among those of their masks."""
        return evaluations(self, contexts)

    def explain(self, context: Context, draw: int) -> DecisionExplanation:
        """The chosen action with its probability, and what was not allowed."""
        return explain(self, context, draw)


def for_names(content: PolicyContent, names: Sequence[str], version: str = "") -> LearnedPolicy:
    """The policy over the actions of a table, in this order; one that the training did not have is judged by
    its features: an ad without a price.
    """
    known = {one.name: one for one in content.description.actions}
    return LearnedPolicy(content, None, version, described_actions(names, known))


def load(files: Mapping[str, bytes], actions: ActionSet | None = None, version: str = "") -> LearnedPolicy:
    """The policy of these files for an action set; None: for the actions of its training, off-line.

    `version` is the id of the registry's version; the digest of the files where it is left out. Raises
    LearnedPolicyError.
    """
    return LearnedPolicy(read(files), actions, version)
