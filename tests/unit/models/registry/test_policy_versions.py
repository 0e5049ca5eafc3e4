"""Policies in the registry: whole or not at all, refused in words where damaged, found by their names."""

import hashlib
import json
from pathlib import Path

import pytest

from models.contract.decision_context import inputs_mark
from models.decisions.actions import ActionSet
from models.policies.context_columns import Column
from models.registry import policy_versions, registry, remote
from models.registry.manifests import read_manifest
from models.registry.refusals import Refusal, RegistryError
from models.registry.version_files import VersionKind, placements, policies_folder
from tests import tiny_policies
from tests.offline import ACTIONS
from tests.tiny import version as tiny

FILES = ("manifest.json", "policy.json", "policy.safetensors", "metrics.json")


@pytest.fixture
def actions() -> ActionSet:
    return ActionSet.load(ACTIONS)


def test_a_saved_policy_is_loaded_with_its_kind_placement_and_metrics(tmp_path: Path, actions) -> None:
    version = tiny_policies.policy(tmp_path, actions, seed=3)
    assert (version.kind, version.placement, version.metrics) == ("softmax", actions.placement, {"seed": 3})
    assert version.path == tmp_path / "policies" / actions.placement / version.id
    assert sorted(path.name for path in version.path.iterdir()) == sorted(FILES)
    manifest = json.loads((version.path / "manifest.json").read_bytes())
    assert (manifest["kind"], manifest["placement"], manifest["policy"]) == (
        "policy",
        actions.placement,
        "softmax",
    )
    policy = version.bound(actions)
    assert policy.version == f"{version.id}.{actions.digest('learned/1')}{inputs_mark(policy.inputs)}"


def test_names_sort_by_time_and_the_same_content_has_the_same_name(tmp_path: Path, actions) -> None:
    made = [tiny_policies.policy(tmp_path, actions, seed).id for seed in (1, 2, 3)]
    assert made == sorted(made)
    assert tiny_policies.policy(tmp_path, actions, 1).id == made[0]


def test_networks_and_policies_share_a_registry_and_are_not_mistaken_for_each_other(tmp_path, actions):
    network, policy = tiny(tmp_path), tiny_policies.policy(tmp_path, actions)
    assert registry.load(network.path).id == network.id
    with pytest.raises(RegistryError, match="is a policy, expected a network") as refused:
        registry.load(policy.path)
    assert refused.value.refusal is Refusal.KIND
    with pytest.raises(RegistryError, match="is a network, expected a policy") as refused:
        policy_versions.load(network.path)
    assert refused.value.refusal is Refusal.KIND


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["gone", "cut", "one byte"])
def test_a_damaged_policy_is_refused(tmp_path: Path, actions, name: str, change: str) -> None:
    version = tiny_policies.policy(tmp_path, actions)
    announced = read_digest(version.path)
    path = version.path / name
    content = path.read_bytes()
    if change == "gone":
        path.unlink()
    else:
        half = len(content) // 2
        path.write_bytes(
            content[:half]
            if change == "cut"
            else content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        )
    with pytest.raises(RegistryError) as refused:
        policy_versions.load(version.path, announced)
    expected = {"gone": Refusal.UNREACHABLE, "cut": Refusal.TRUNCATED, "one byte": Refusal.HASH}[change]
    assert refused.value.refusal is (
        Refusal.HASH if name == "manifest.json" and change == "cut" else expected
    )


def read_digest(path: Path) -> str:
    return hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()


def rewritten(path: Path, **changes: object) -> None:
    """Change fields of a manifest."""
    manifest = json.loads((path / "manifest.json").read_bytes())
    (path / "manifest.json").write_text(json.dumps(manifest | changes))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"kind": "forecast"}, Refusal.NEWER),
        ({"kind": ["policy"]}, Refusal.NEWER),
        ({"format": 9}, Refusal.NEWER),
        ({"format": 0}, Refusal.OLDER),
        ({"features_version": "another"}, Refusal.FEATURES),
        ({"files": {"../x": ""}}, Refusal.MANIFEST),
        ({"placement": None, "created_at": "soon"}, Refusal.CONTENT),
    ],
)
def test_a_manifest_of_another_program_is_refused(tmp_path, actions, changes, refusal) -> None:
    version = tiny_policies.policy(tmp_path, actions)
    rewritten(version.path, **changes)
    with pytest.raises(RegistryError) as refused:
        policy_versions.load(version.path)
    assert refused.value.refusal is refusal


def resaved(version: policy_versions.PolicyVersion, **changes: object) -> None:
    """Change a policy's description, digests included, as a program that checks nothing would write it."""
    described = json.loads((version.path / "policy.json").read_bytes()) | changes
    content = json.dumps(described).encode()
    (version.path / "policy.json").write_bytes(content)
    manifest = json.loads((version.path / "manifest.json").read_bytes())
    files = manifest["files"] | {"policy.json": hashlib.sha256(content).hexdigest()}
    rewritten(version.path, files=files, sizes={})


COLUMN = {"name": "price", "mean": 0.0, "scale": 1.0}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"format": 9}, Refusal.NEWER),
        ({"columns": [COLUMN | {"name": f"hidden:{number}"} for number in range(65)]}, Refusal.INPUTS),
        ({"columns": [COLUMN, COLUMN]}, Refusal.CONTENT),
        ({"columns": [COLUMN | {"scale": 0.0}]}, Refusal.CONTENT),
        ({"heads": []}, Refusal.CONTENT),
        ({"columns": "price"}, Refusal.CONTENT),
    ],
)
def test_whole_files_with_wrong_content_are_refused(tmp_path, actions, changes, refusal) -> None:
    version = tiny_policies.policy(tmp_path, actions)
    resaved(version, **changes)
    with pytest.raises(RegistryError) as refused:
        policy_versions.load(version.path)
    assert refused.value.refusal is refusal


@pytest.mark.parametrize(
    "changes",
    [{"heads": [{"kind": "oracle", "settings": {}}]}, {"heads": [{"kind": "softmax", "settings": {}}]}],
)
def test_heads_that_this_program_cannot_make_do_not_bind(tmp_path, actions, changes) -> None:
    version = tiny_policies.policy(tmp_path, actions)
    resaved(version, **changes)
    with pytest.raises(RegistryError) as refused:
        policy_versions.load(version.path).bound(actions)
    assert refused.value.refusal is Refusal.ACTIONS


def test_a_policy_without_features_names_no_definitions_of_them(tmp_path, actions) -> None:
    version = tiny_policies.policy(tmp_path, actions, columns=(Column("click", scale=10.0),))
    manifest = read_manifest("here", (version.path / "manifest.json").read_bytes(), kind=VersionKind.POLICY)
    assert manifest["features_version"] == ""


@pytest.mark.parametrize("placement", ["", "a/b", "ü", "x" * 65, ".."[:1] + "/"])
def test_a_name_that_no_placement_has_is_refused(tmp_path, actions, placement) -> None:
    with pytest.raises(RegistryError, match="is no name of a placement"):
        policy_versions.save(tmp_path, tiny_policies.files(actions), placement, 1)
    assert not list(tmp_path.iterdir())


def test_a_placement_may_begin_with_a_dot(tmp_path, actions) -> None:
    for placement in ("..", ".hidden", "shop.home"):
        version = tiny_policies.policy(tmp_path, actions, placement=placement)
        assert version.path.resolve().is_relative_to(tmp_path / "policies")
    assert placements(tmp_path) == ["..", ".hidden", "shop.home"]


def test_a_policy_is_copied_to_a_url_and_back(tmp_path, actions) -> None:
    version = tiny_policies.policy(tmp_path / "made", actions)
    url = remote.put(version.path, f"file://{tmp_path}/bucket/policies/shop")
    copy = remote.fetch(url, tmp_path / "copies", read_digest(version.path))
    assert policy_versions.load(copy).id == version.id


def test_a_version_is_found_in_whatever_placement_has_it(tmp_path, actions) -> None:
    version = tiny_policies.policy(tmp_path, actions, placement="elsewhere")
    assert policy_versions.find(tmp_path, version.id, actions).version.startswith(version.id)
    with pytest.raises(RegistryError, match="has no policy"):
        policy_versions.find(tmp_path, "20260101T000000-none", actions)
    assert policies_folder(tmp_path, "elsewhere").is_dir()
