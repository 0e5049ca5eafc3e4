"""Look-ups of one visitor for the endpoints: profile, state, last answers, and their explanations."""

from typing import Any

from models.explanation.counterfactuals import Session
from models.state.visitor import Visitor, decode
from streams.partition_state.cache import PartitionCache
from streams.partition_state.visitors import key_of
from streams.pipeline import explaining
from streams.pipeline.chunk import Versions
from streams.pipeline.processor import Pipeline
from streams.service.visitor_profile import Names, visitor_profile, visitor_state


class Lookups:
    """Looks into the partitions of a pipeline; None: they have no visitor with this id."""

    def __init__(self, pipeline: Pipeline, versions: Versions) -> None:
        self._pipeline, self._versions = pipeline, versions

    def owns_all(self, partitions: int) -> bool:
        """Whether all partitions are assigned here, so that a visitor who is not found has no record."""
        return len(self._pipeline.caches) == partitions

    def owned(self) -> list[int]:
        """The partitions that are looked into."""
        return sorted(self._pipeline.caches)

    def look_up(self, visitor_id: str) -> dict[str, Any] | None:
        """Profile, state and last answers of a visitor of an assigned partition."""
        name = self._name(visitor_id)
        for partition, cache in list(self._pipeline.caches.items()):
            if (visitor := _stored(cache, name)) is not None:
                kept = cache.answers.of(name)
                answers = [(answer or b"").decode() for _, answer, _ in kept.answers] if kept else []
                names = Names(visitor, self._pipeline.decoder.catalogue, self._versions.current)
                told = {"profile": visitor_profile(visitor, names), "state": visitor_state(visitor, names)}
                return {"partition": partition, **told, "answers": answers}
        return None

    def explain(self, visitor_id: str) -> dict[str, Any] | None:
        """Explanations of the answers to the latest click of a visitor, None also where none is cached."""
        name = self._name(visitor_id)
        for cache in list(self._pipeline.caches.values()):
            visitor, kept = _stored(cache, name), cache.answers.of(name)
            if visitor is not None and kept is not None:
                session = Session(visitor.session_codes(), kept.row, visitor.in_session)
                version = self._versions.current
                served = self._pipeline.policies.of(version)
                return explaining.looked_up(kept.answers, session, version, served)
        return None

    def _name(self, visitor_id: str) -> str:
        pseudonymiser = self._pipeline.decoder.pseudonyms
        return visitor_id if pseudonymiser is None else pseudonymiser.visitor(visitor_id.encode())


def _stored(cache: PartitionCache, name: str) -> Visitor | None:
    value = cache.state.get([key_of(name.encode())])[0]
    return None if value is None else decode(value)
