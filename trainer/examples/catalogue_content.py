"""What the shop knows of its items before anybody has clicked them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.contract.catalogue import Catalogue
from models.state.codes import category_hash
from trainer.examples.vectors import Vectors


@dataclass(frozen=True)
class CatalogueContent:
    """Vectors of items, and the catalogue that has their categories."""

    vectors: Vectors
    catalogue: Catalogue = field(default_factory=Catalogue)

    def beside(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Id and category hash of the items that have a vector and are none of `ids`."""
        known = set(ids)
        entries = [(item, self.catalogue.get(item)) for item in self.vectors.ids if item not in known]
        return [(item, category_hash(entry.category if entry else None)) for item, entry in entries]
