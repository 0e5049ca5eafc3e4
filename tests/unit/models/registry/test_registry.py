"""A version on disk: whole, verified, refused with one clear line when it is not."""

import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch

from models.errors import PathcastError
from models.registry import registry, remote
from models.registry.refusals import Refusal
from models.registry.registry import Parts, RegistryError
from models.registry.versions import CURVE, FILES, FORMAT, MANIFEST
from models.scoring.scorer import NeuralScorer
from tests.scoring import parts, real_clicks, serve, vocabulary
from trainer.loop.learning_curve import picture
from trainer.loop.progress import Point

CLICKS = real_clicks(300)
PARTS = parts(vocabulary(CLICKS, 40))
CREATED = 1_700_000_000_000


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return tmp_path / registry.save(tmp_path, PARTS, CREATED)


def rewrite(path: Path, name: str, content: bytes) -> None:
    """Replace a file and make the manifest agree, as a faulty producer would."""

    (path / name).write_bytes(content)
    manifest = json.loads((path / MANIFEST).read_bytes())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    manifest["sizes"][name] = len(content)
    (path / MANIFEST).write_text(json.dumps(manifest))


def test_what_is_loaded_scores_as_what_was_saved(version: Path) -> None:
    loaded = registry.load(version)
    before = next(serve(CLICKS, [unsaved(PARTS)], 300, {}))
    after = next(serve(CLICKS, [loaded.neural], 300, {}))
    np.testing.assert_array_equal(before.purchase, after.purchase)
    assert before.item_ids() == after.item_ids()
    assert loaded.prior.version == version.name
    assert loaded.prior._all[PARTS.vocabulary.ids[0]] == 40
    assert loaded.metrics == PARTS.metrics
    assert loaded.rates == PARTS.rates


def unsaved(saved: Parts) -> NeuralScorer:
    return NeuralScorer(saved.network, saved.vocabulary, "trial", 7)


def test_names_sort_by_time_and_say_what_is_inside(tmp_path: Path) -> None:
    first = registry.save(tmp_path, PARTS, CREATED)
    later = registry.save(tmp_path, PARTS, CREATED + 60_000)
    other = registry.save(tmp_path, replace(PARTS, metrics={"other": 1}), CREATED)
    assert first.startswith("20231114T221320-")
    assert first < later
    assert len({first, later, other}) == 3
    assert registry.save(tmp_path, PARTS, CREATED) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({first, later, other})


def test_ids_differ_between_versions_and_are_never_zero(tmp_path: Path) -> None:
    names = [registry.save(tmp_path, PARTS, CREATED + n) for n in range(3)]
    ids = [registry.load(tmp_path / name).id64 for name in names]
    assert len(set(ids)) == 3
    assert all(0 < number < 1 << 63 for number in ids)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_damaged_file_is_refused(version: Path, name: str) -> None:
    content = bytearray((version / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (version / name).write_bytes(bytes(content))
    with pytest.raises(RegistryError):
        registry.load(version)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_or_cut_file_is_refused(version: Path, name: str) -> None:
    content = (version / name).read_bytes()
    (version / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(RegistryError):
        registry.load(version)
    (version / name).unlink()
    with pytest.raises(RegistryError, match="cannot read"):
        registry.load(version)


@pytest.mark.parametrize("name", FILES)
def test_content_that_does_not_fit_is_refused_even_if_its_digest_does(version: Path, name: str) -> None:
    if name in ("metrics.json", "baselines.json", "trees.json", "head_trees.json"):
        rewrite(version, name, b"not json")
    else:
        rewrite(version, name, b"{}")
    with pytest.raises(RegistryError, match="cannot be loaded"):
        registry.load(version)


@pytest.mark.parametrize("manifest", [b"", b"[]", b"null", b'{"format": 1}', b"\xff", b'{"files": 3}'])
def test_a_manifest_that_is_none_is_refused(version: Path, manifest: bytes) -> None:
    (version / MANIFEST).write_bytes(manifest)
    with pytest.raises(RegistryError, match=r"manifest\.json"):
        registry.load(version)


FOREIGN = [
    ("format", FORMAT + 1, "newer program: update this one", Refusal.NEWER),
    ("format", FORMAT - 1, "train it again", Refusal.OLDER),
    ("features_version", "old", "train it again", Refusal.FEATURES),
]


@pytest.mark.parametrize(("key", "value", "advice", "refusal"), FOREIGN)
def test_another_programs_version_is_refused(
    version: Path, key: str, value: object, advice: str, refusal: Refusal
) -> None:
    manifest = json.loads((version / MANIFEST).read_bytes())
    (version / MANIFEST).write_text(json.dumps(manifest | {key: value}))
    with pytest.raises(RegistryError, match=rf"expected format {FORMAT} with features .*{advice}") as refused:
        registry.load(version)
    assert refused.value.refusal is refusal


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    wide = copy.deepcopy(PARTS.network)
    wide.item_bias = torch.nn.Parameter(torch.zeros(len(wide.item_bias) + 1))
    saved = registry.save(tmp_path, replace(PARTS, network=wide), CREATED)
    with pytest.raises(RegistryError, match="another shape") as refused:
        registry.load(tmp_path / saved)
    assert refused.value.refusal is Refusal.SHAPE


def test_a_manifest_may_not_lead_out_of_its_folder(version: Path, tmp_path: Path) -> None:
    manifest = json.loads((version / MANIFEST).read_bytes())
    manifest["files"]["../stolen"] = "0" * 64
    (version / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(RegistryError, match="incomplete") as refused:
        remote.fetch(f"file://{version}", tmp_path / "copies")
    assert refused.value.refusal is Refusal.MANIFEST


def test_a_manifest_without_sizes_is_as_good_as_ever(version: Path) -> None:
    manifest = json.loads((version / MANIFEST).read_bytes())
    del manifest["sizes"]
    (version / MANIFEST).write_text(json.dumps(manifest))
    assert registry.load(version).id == version.name


def test_a_version_goes_to_any_url_and_comes_back_the_same(version: Path, tmp_path: Path) -> None:
    url = remote.put(version, "memory://shop/models/")
    assert url == f"memory://shop/models/{version.name}"
    back = remote.fetch(url, tmp_path / "copies")
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        path.name: path.read_bytes() for path in version.iterdir()
    }
    with pytest.raises(RegistryError, match="nowhere") as refused:
        remote.fetch("memory://nowhere/v1", tmp_path / "copies")
    assert refused.value.refusal is Refusal.UNREACHABLE
    with pytest.raises(RegistryError) as unknown:
        remote.put(version, "strange://shop")
    assert unknown.value.refusal is Refusal.UNREACHABLE


def written(url: str) -> dict[str, float]:
    """When each file of a version at a `file://` URL was written last."""
    return {path.name: path.stat().st_mtime_ns for path in Path(url.removeprefix("file://")).iterdir()}


def test_putting_again_writes_only_what_is_wrong(version: Path, tmp_path: Path) -> None:
    (version / "gate").mkdir()
    (version / "gate" / "report.md").write_text("not one of the version's files")
    url = remote.put(version, f"file://{tmp_path}/published")
    before = written(url)
    assert set(before) == {path.name for path in version.iterdir() if path.is_file()}
    assert remote.put(version, f"file://{tmp_path}/published") == url
    assert written(url) == before
    weights = Path(url.removeprefix("file://")) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    remote.put(version, f"file://{tmp_path}/published")
    now = written(url)
    assert [name for name in now if now[name] != before[name]] == ["model.safetensors"]
    assert remote.fetch(url, tmp_path / "copies").name == version.name


def test_the_manifest_is_put_last_and_removed_first(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs, done = fsspec.filesystem("memory"), []
    put, drop = type(fs).pipe_file, type(fs).rm_file

    def noted(verb, real):
        def call(self, path, *rest, **more):
            done.append((verb, Path(path).name))
            return real(self, path, *rest, **more)

        return call

    monkeypatch.setattr(type(fs), "pipe_file", noted("put", put))
    url = remote.put(version, "memory://orderly/models")
    assert done[-1] == ("put", MANIFEST)
    assert len(done) == len(list(version.iterdir()))
    done.clear()
    monkeypatch.setattr(type(fs), "rm_file", noted("remove", drop))
    assert remote.names("memory://orderly/models") == [version.name]
    remote.remove(url)
    assert done[0] == ("remove", MANIFEST)
    assert remote.names("memory://orderly/models") == remote.names("memory://never") == []
    remote.remove(url)


def test_a_damaged_version_is_not_put(version: Path) -> None:
    (version / "model.safetensors").write_bytes(b"short")
    with pytest.raises(RegistryError, match="its manifest says"):
        remote.put(version, "memory://damaged")
    assert MANIFEST not in remote.names(f"memory://damaged/{version.name}")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = copy.deepcopy(PARTS.network)
    broken.item_bias.data[0] = torch.inf
    saved = registry.save(tmp_path, replace(PARTS, network=broken), CREATED)
    with pytest.raises(RegistryError, match="not finite: item_bias"):
        registry.load(tmp_path / saved)


def test_an_index_that_points_outside_is_refused(tmp_path: Path) -> None:
    index = replace(PARTS.index, items=PARTS.index.items + 1000)
    saved = registry.save(tmp_path, replace(PARTS, index=index), CREATED)
    with pytest.raises(RegistryError, match="items holds 1000"):
        registry.load(tmp_path / saved)


def test_the_announced_digest_must_be_the_manifests(version: Path) -> None:

    found = hashlib.sha256((version / MANIFEST).read_bytes()).hexdigest()
    assert registry.load(version, sha256=found).id == version.name
    with pytest.raises(RegistryError, match="announced"):
        registry.load(version, sha256="0" * 64)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="writable folder"):
        registry.save(tmp_path / "file", PARTS, CREATED)


def test_the_error_is_one_that_the_command_line_explains() -> None:
    assert issubclass(RegistryError, PathcastError)


def test_the_curve_is_part_of_a_version_and_of_its_digest(tmp_path: Path) -> None:
    curve = picture([Point("training", epoch, 2.0 - epoch, 3.0 - epoch, 0.6) for epoch in range(3)])
    assert curve.startswith(b"\x89PNG")
    assert curve == picture([Point("training", epoch, 2.0 - epoch, 3.0 - epoch, 0.6) for epoch in range(3)])
    drawn = tmp_path / registry.save(tmp_path, replace(PARTS, curve=curve), CREATED)
    plain = tmp_path / registry.save(tmp_path, PARTS, CREATED)
    assert drawn.name != plain.name
    assert (drawn / CURVE).read_bytes() == curve
    assert registry.load(drawn).id == drawn.name
    (drawn / CURVE).write_bytes(curve[:-1])
    with pytest.raises(RegistryError, match=r"curve\.png has \d+ bytes"):
        registry.load(drawn)


def test_a_version_without_a_curve_loads(version: Path) -> None:
    assert not (version / CURVE).exists()
    assert CURVE not in json.loads((version / MANIFEST).read_bytes())["files"]
    assert registry.load(version).id == version.name
