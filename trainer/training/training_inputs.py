"""What one training is given."""

from dataclasses import dataclass, field

from models.registry.versions import Version
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples
from trainer.loop.options import Options
from trainer.loop.progress import Report
from trainer.loop.run_log import Journal


@dataclass(frozen=True)
class TrainingInputs:
    """Learn from `train`, stop and calibrate on `valid`; begin where the version `start` ended.

    Without `valid` nothing stops or calibrates the training. With `content`, items have its vectors, and
    those that were never clicked can be recommended. `journal` receives the curve of the epochs.
    """

    train: Examples
    valid: Examples | None
    options: Options
    report: Report
    journal: Journal = field(default_factory=Journal)
    start: Version | None = None
    content: CatalogueContent | None = None

    @property
    def judged_on(self) -> Examples:
        """The examples that stop and calibrate the training. Raises ValueError without any."""
        if self.valid is None:
            raise ValueError("this training has no validation examples: pass `valid`")
        return self.valid
