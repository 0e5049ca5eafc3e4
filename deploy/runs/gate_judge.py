"""The gate, as the trainer uses it for a new version."""

from pathlib import Path

import structlog

from deploy.runs.promotion_moves import promotions
from deploy.runs.shadow_trial import trial
from models.registry.versions import Version
from trainer.examples.examples import Examples
from trainer.gate.admission import conclude, kept
from trainer.gate.gate import judge as offline
from trainer.gate.gate import serving
from trainer.gate.gate_settings import GateSettings
from trainer.logs.catalogue_file import catalogue
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.logs.reading import reading
from trainer.service.run_maker import Judge, PromotionVerdict
from trainer.service.workdir import Workdir

log = structlog.get_logger("pathcast.trainer")


def judge_of(registry: Path, at: Workdir) -> Judge:
    """The gate; a live comparison that it waits for continues after a kill."""

    def judge(version: Version, events: Path, items: Path | None) -> PromotionVerdict:
        moves, gate = promotions(registry, by="gate"), GateSettings()
        waiting = trial(gate, lambda news: log.info("waiting", news=news), at.shadow)
        if waiting is not None and waiting.is_pending(version.id):
            report = kept(version.path)
        else:
            found = examples(events, items)
            report = offline(version.path, serving(moves, version.id), found, gate)
            del found  # a comparison may take hours
        report = conclude(version.id, report, moves, waiting)
        return PromotionVerdict(report.verdict.passed, report.verdict.reason)

    return judge


def examples(events: Path, items: Path | None) -> Examples:
    """Examples of a file of clicks, with its catalogue. Raises LogError or ExamplesError."""
    with reading([events]):
        return replay_log(read_log([events]), catalogue(items)).examples()
