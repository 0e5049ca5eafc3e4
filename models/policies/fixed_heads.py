"""Parts of mixtures that learn nothing: the rules of the actions file, and even shares."""

import numpy as np

from models.decisions.rule_evaluation import Rules
from models.policies.policy_heads import Bools, Floats, PolicyHeadInputs

#: Columns that rules read.
RULE_COLUMNS = ("event", "stage", "purchase_probability", "cart_value")


class FixedHead:
    """A head whose row is computed as a chunk of one."""

    def shares(self, scores: Floats, allowed: Bools) -> Floats:
        """As `PolicyHead.shares`."""
        raise NotImplementedError

    def add_row(self, scores: Floats, row: int, mask: int, weight: float, out: Floats) -> None:
        """As `PolicyHead.add_row`."""
        after, places = row + 1, np.arange(len(out))
        allowed = (mask >> places & 1).astype(np.bool_)
        out += weight * self.shares(scores[row:after], allowed[None])[0]


class UniformHead(FixedHead):
    """The same share for each allowed action."""

    def __init__(self, _given: PolicyHeadInputs) -> None:
        pass

    def scores(self, contexts: Floats, _inputs: Floats) -> Floats:
        """None are needed: `[n, 0]`."""
        return np.empty((len(contexts), 0))

    def shares(self, _scores: Floats, allowed: Bools) -> Floats:
        """As `PolicyHead.shares`."""
        return even_shares(allowed)


class RulesHead(FixedHead):
    """All for the action that the rules of the actions file prefer. Raises ValueError without a file."""

    def __init__(self, given: PolicyHeadInputs) -> None:
        if given.action_set is None:
            raise ValueError("it needs an actions file, since it follows its rules")
        names = [column.name for column in given.columns]
        self._rules = Rules(given.action_set)
        self._places = [names.index(name) for name in RULE_COLUMNS]
        self._words = [[*(given.columns[place].words or ()), ""] for place in self._places[:2]]

    def scores(self, contexts: Floats, _inputs: Floats) -> Floats:
        """What the rules read `[n, 4]`: codes of event and stage, probability, cart."""
        return np.ascontiguousarray(contexts[:, self._places])

    def shares(self, scores: Floats, allowed: Bools) -> Floats:
        """As `PolicyHead.shares`."""
        out = np.zeros(allowed.shape)
        masks = (allowed @ (1 << np.arange(allowed.shape[1], dtype=np.int64))).tolist()
        events, stages = self._words
        known = np.nan_to_num(scores).tolist()
        for row, (mask, (event, stage, chance, cart)) in enumerate(zip(masks, known, strict=True)):
            ruling = self._rules.at(events[int(event)], stages[int(stage)])
            out[row, ruling.preferred(chance, round(cart * 1000), mask)] = 1.0
        # Rules fall back on doing nothing; a table may not allow that.
        elsewhere = ~(out.astype(np.bool_) & allowed).any(axis=1)
        out[elsewhere] = even_shares(allowed[elsewhere])
        return out


def even_shares(allowed: Bools) -> Floats:
    """The same share for each allowed action."""
    even: Floats = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1)
    return even
