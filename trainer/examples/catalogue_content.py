"""Content of the catalogue's items, which is known before anybody has clicked them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.contract.catalogue import Catalogue
from models.state.codes import category_hash
from trainer.examples.vectors import Vectors


@dataclass(frozen=True)
class CatalogueContent:
    """Content vectors of items, and the catalogue with their categories."""

    vectors: Vectors
    catalogue: Catalogue = field(default_factory=Catalogue)

    def beside(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Id and category hash of each item that has a vector and is not among `ids`."""
        known = set(ids)
        entries = [(item, self.catalogue.get(item)) for item in self.vectors.ids if item not in known]
        return [(item, category_hash(entry.category if entry else None)) for item, entry in entries]
