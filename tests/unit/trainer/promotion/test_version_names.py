"""A version is named by its name, its folder, or as the latest or the serving one."""

import shutil

import pytest

from models.registry.refusals import RegistryError
from tests.tiny import version
from trainer.promotion.promotions import Promotions
from trainer.promotion.resolve import resolve_folder, resolve_registered


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Two versions; the older one serves."""
    folder = tmp_path_factory.mktemp("registry")
    older, newer = sorted(version(folder, seed).id for seed in (1, 2))
    Promotions(folder, lambda _: None, lambda: 1, "test").promote(older, "for a test")
    return folder, older, newer


@pytest.mark.parametrize("resolved", [lambda *given: resolve_folder(*given).name, resolve_registered])
def test_latest_and_serving(registry, resolved):
    folder, older, newer = registry
    assert resolved(folder, "latest") == newer
    assert resolved(folder, "serving") == older
    assert resolved(folder, newer) == newer


@pytest.mark.parametrize(("word", "cure"), [("latest", "pathcast train"), ("serving", "models promote")])
def test_an_empty_registry_says_how_to_get_one(tmp_path, word, cure):
    with pytest.raises(RegistryError, match=cure):
        resolve_folder(tmp_path, word)


def test_an_unknown_name_lists_what_is_there(registry):
    folder, older, _ = registry
    with pytest.raises(RegistryError, match=f"{older}.*latest or serving"):
        resolve_folder(folder, "newest")


def test_a_folder_of_that_name_is_itself(registry, tmp_path):
    folder, older, _ = registry
    shutil.copytree(folder / older, tmp_path / "latest")
    assert resolve_folder(tmp_path, "latest") == tmp_path / "latest"
