"""The inputs of one training."""

from dataclasses import dataclass, field

from models.registry.versions import Version
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples
from trainer.loop.options import Options
from trainer.loop.progress import Report
from trainer.loop.run_log import Journal


@dataclass(frozen=True)
class TrainingInputs:
    """Train on `train`; early stopping and calibration use `valid`; start from the weights of the version
    `start`.

    Without `valid` there is no early stopping and no calibration. With `content`, items have its vectors, and
    items that were never clicked can be recommended. `journal` receives the learning curve.
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
        """The examples for early stopping and calibration. Raises ValueError if there are none."""
        if self.valid is None:
            raise ValueError("this training has no validation examples: pass `valid`")
        return self.valid
