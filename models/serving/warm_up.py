"""Warm up a version by sample clicks of all shapes, so that no answer waits for a kernel's compilation."""

from models.registry.versions import Version
from models.scoring.popularity import Popularity
from models.scoring.scores import Scores
from models.serving import fallback_chain, sample_clicks

#: Items of the answers without a version.
_NAMES = tuple(map(str, range(sample_clicks.LENGTH)))


def warm_up(version: Version) -> Scores:
    """Answer sample clicks with every tier of a version; returns the network's answers to a chunk.

    Call it before a version answers, on the thread that loaded it: on a machine whose cache of kernels is
    empty it compiles them, which takes seconds. Raises ScoringError where an answer is not finite.
    """
    names = version.vocabulary.ids
    chunk = sample_clicks.chunk(names)
    version.neural.score(sample_clicks.one_click(names))
    scores = version.neural.score(chunk)
    version.neural.rebuilt([sample_clicks.session_under_way(names, 0).session_codes()])
    version.neighbours.score(chunk)
    return scores


def warm_up_popular() -> Scores:
    """Answer sample clicks without a version, as a worker does until one is announced."""
    popularity = Popularity([(name, 0, 1) for name in _NAMES])
    return fallback_chain.fallback(sample_clicks.chunk(_NAMES), popularity)
