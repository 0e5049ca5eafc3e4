"""Find the versions of policies that the arms of an experiment name, before it starts."""

from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.runs.promotion_moves import Announcer
from models.contract.updates import ModelUpdate
from models.decisions.actions import ActionSet
from models.errors import PathcastError
from models.experiments.definition_file import FindVersion
from models.registry import remote
from models.registry.version_files import MANIFEST, policies_folder, policies_place
from streams.config.worker_settings import WorkerSettings
from streams.rollout.model_cache import policy_cache
from streams.rollout.policy_binding import bind
from trainer.promotion.publish_settings import PublishSettings

#: Versions that an error names, the newest ones.
_SHOWN = 3


def finder(publish: bool, registry: str | None = None) -> FindVersion:
    """Finds versions of the registry at a folder or URL, and tries them on the actions of their arm.

    `registry` is PATHCAST_REGISTRY where it is not given.

    `publish`: copy those of a folder to PATHCAST_REGISTRY_PUBLISH, as announced ones are.
    """

    place = registry or WorkerSettings().registry

    def find(name: str, actions: ActionSet) -> ModelUpdate:
        _check_known(place, name, actions.placement)
        with TemporaryDirectory() as copies:
            version = policy_cache(place, Path(copies), actions.placement).load(ModelUpdate(version=name))
            bind(version, actions)
            announcer = Announcer(_url(place, actions.placement))
            if publish and not remote.is_url(place):
                announcer.publish(version)
            return announcer.announcement(version)

    return find


def _url(registry: str, placement: str) -> str | None:
    url = registry if remote.is_url(registry) else PublishSettings().publish
    return policies_place(url, placement) if url else None


def _check_known(registry: str, name: str, placement: str) -> None:
    """Raises PathcastError with the versions that there are; a URL is asked for the version alone."""
    folder = policies_folder(Path(registry).expanduser(), placement)
    if remote.is_url(registry) or (folder / name / MANIFEST).exists():
        return
    known = sorted((path.parent.name for path in folder.glob(f"*/{MANIFEST}")), reverse=True)
    newest = ", ".join(known[:_SHOWN]) or "none"
    raise PathcastError(
        f"{registry} has no such policy of placement {placement!r}; its newest ones are {newest}: name one "
        "of them, or the registry by PATHCAST_REGISTRY"
    )
