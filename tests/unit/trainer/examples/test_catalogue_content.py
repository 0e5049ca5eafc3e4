"""Content: vectors in files and of titles, items without, and items that nobody has clicked."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import save_file

from deploy.cli import main
from models.contract.catalogue import Catalogue
from models.contract.items import Item
from models.network.item_content import ItemContent as Layer
from models.network.network import Config, Network
from models.registry import registry
from models.state.codes import category_hash, item_hash
from tests.scoring import SHIPPED
from trainer.examples import embedding
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.split import split
from trainer.examples.vectors import Vectors, VectorsError, read, write
from trainer.experiments import cold_items
from trainer.fitting.sampled_softmax import next_item_loss
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

TITLES = {
    "a": "Red running shoe",
    "b": "Blue running shoes",
    "c": "Espresso coffee beans",
    "d": "Coffee beans, decaffeinated",
    "e": "Running shoe laces",
}


def shop() -> Catalogue:
    found = Catalogue()
    for item, title in TITLES.items():
        found.put(item, Item(title=title))
    found.put("nameless", Item(price=3.0))
    return found


def alike(vectors: Vectors, one: str, other: str) -> float:
    first, second = (vectors.values[vectors.ids.index(item)] for item in (one, other))
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_items_with_like_titles_have_like_vectors() -> None:
    made = embedding.embed(shop(), width=3)
    assert made.ids == ("a", "b", "c", "d", "e")
    assert alike(made, "a", "b") > alike(made, "a", "c") + 0.3
    assert alike(made, "c", "d") > alike(made, "b", "d") + 0.3
    assert made.values.tobytes() == embedding.embed(shop(), width=3).values.tobytes()


def test_the_shops_own_vectors_stand_beside_the_titles() -> None:
    pictures = Vectors(("b", "picture only"), np.array([[3, 4], [0, 2]], dtype=np.float32))
    made = embedding.embed(shop(), [pictures], width=3)
    assert made.ids == ("a", "b", "c", "d", "e", "picture only")
    assert made.width == 3 + 2
    assert made.values[1, 3:].tolist() == pytest.approx([0.6, 0.8])
    assert not made.values[0, 3:].any()
    assert not made.values[5, :3].any()
    with pytest.raises(VectorsError, match="no item has a title"):
        embedding.embed(Catalogue())


def test_a_model_that_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(VectorsError, match="sentence-transformers, which is not installed"):
        embedding.embed(shop(), model=tmp_path)


def test_vectors_of_every_form_are_read(tmp_path: Path) -> None:
    made = Vectors(("a", "b"), np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32))
    write(tmp_path / "own.safetensors", made)
    save_file({"a": made.values[0], "b": made.values[1]}, tmp_path / "each.safetensors")
    np.savez(tmp_path / "some.npz", item_id=np.array(made.ids), vectors=made.values)
    frame = pl.DataFrame({"item_id": made.ids, "vector": made.values.tolist()})
    frame.write_parquet(tmp_path / "some.parquet")
    for name in ("own.safetensors", "each.safetensors", "some.npz", "some.parquet"):
        found = read(tmp_path / name)
        assert found.ids == made.ids
        assert found.values.tolist() == made.values.tolist()


def test_vectors_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    odd = tmp_path / "odd.npz"
    for ids, vectors, message in (
        (["a", "a"], [[1.0], [2.0]], "more than once"),
        (["a"], [[1.0], [2.0]], "a row an id"),
        (["a"], [[np.nan]], "not finite"),
    ):
        np.savez(odd, item_id=np.array(ids), vectors=np.array(vectors))
        with pytest.raises(VectorsError, match=message):
            read(odd)
    np.savez(odd, item_id=np.array(["a", None], dtype=object), vectors=np.zeros((2, 1)))
    with pytest.raises(VectorsError, match="cannot be read"):
        read(odd)
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(VectorsError, match="cannot be read"):
        read(tmp_path / "x.safetensors")
    with pytest.raises(VectorsError, match="no known kind"):
        read(tmp_path / "x.pkl")


def network(items: int = 6, width: int = 3) -> Network:
    torch.manual_seed(0)
    made = Network(Config(items, 9, embedding=8, hidden=8, cosine=14.0, content=width)).eval()
    vectors = Vectors(("i0", "i4", "i5"), np.array([[1, 0, 0], [0, 2, 0], [0, 2, 0]], dtype=np.float32))
    cold_ones = torch.tensor([False] * 4 + [True] * 2)
    made.describe(vectors.of([f"i{n}" for n in range(items)]), cold_ones)
    made.share.copy_(torch.tensor([0.25] * 4 + [0.0] * 2))
    return made


def test_an_item_without_content_is_its_own_embedding() -> None:
    made = network()
    table, joined = made.table.weight, made.inputs()
    changed = (table != joined).any(1).nonzero().squeeze(1).tolist()
    assert changed == [1, 5, 6]
    assert torch.equal(joined[5], joined[6])
    assert torch.equal(joined[5], made.content.projection(torch.tensor([0.0, 1.0, 0.0])))


def test_items_learn_to_stand_without_their_own_embedding_and_only_then() -> None:
    layer = Layer(2000, 3, 4)
    layer.set(torch.ones(2000, 3), torch.tensor([1.0, 0.0]).repeat(1000))
    table = torch.ones(2100, 4)
    missing = (layer.train()(table)[1:2001] == layer.projection(layer.vectors)).all(1)
    assert not missing[1::2].any()
    assert 0.2 < missing[::2].float().mean() < 0.4
    assert not (layer.eval()(table)[1:2001] == layer.projection(layer.vectors)).all(1).any()


def test_nobodys_items_do_not_learn_to_be_unwanted() -> None:
    made, hidden = network().train(), torch.randn(5, 8)
    next_item_loss(made, hidden, torch.tensor([0, 1, 2, 3, 0]), 0).backward()
    assert made.table.weight.grad is not None
    assert not made.table.weight.grad[5:7].any()
    assert made.table.weight.grad[2:5].any(1).all()


def test_cold_items_are_held_back_whole() -> None:
    learned, later = split(replay_log(read_log([SHIPPED]).head(3000)).examples(), (0.8, 0.2))
    chosen = cold_items.cold_items(learned, later, 0.2, 0)
    left = cold_items.without(learned, chosen)
    assert 0 < len(left) < len(learned)
    assert not np.isin(left.codes["item"], chosen).any()
    assert not np.isin(left.target, chosen).any()
    assert np.isin(later.target, chosen).any()
    assert chosen.tolist() == cold_items.cold_items(learned, later, 0.2, 0).tolist()


def test_a_version_with_content_recommends_what_nobody_clicked(tmp_path: Path) -> None:
    log, items, out = tmp_path / "log.parquet", tmp_path / "items.csv", tmp_path / "content.safetensors"
    read_log([SHIPPED]).head(2500).sink_parquet(log)
    known = (
        pl.read_parquet(log).filter(pl.col("item_id").is_not_null()).unique("item_id", maintain_order=True)
    )
    rows = known.select("item_id", "category", title=pl.format("{} {}", "category", "brand"))
    fresh = rows.head(5).with_columns(item_id=pl.format("new-{}", "item_id"))
    pl.concat([rows, fresh]).write_csv(items)
    result = CliRunner().invoke(main, ["items", "embed", "--items", str(items), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "items, 64 numbers each" in result.output
    options = Options(epochs=2, seconds=1e9, heads_weight=0.0)
    run = Run([log], tmp_path / "registry", items, options=options, content=out)
    version = train(run, 1_700_000_000_000, lambda progress: None)
    loaded = registry.load(version.path)
    new = [place for place, item in enumerate(loaded.vocabulary.ids) if item.startswith("new-")]
    assert len(new) == 5
    place, twin = new[0], loaded.vocabulary.ids.index(loaded.vocabulary.ids[new[0]].removeprefix("new-"))
    assert loaded.vocabulary.categories[place] == category_hash(rows["category"][0]) != 0
    made = loaded.network.item_embeddings()
    likeness = made @ made[place]
    assert (likeness > likeness[twin]).float().mean() < 0.2
    assert loaded.popularity[place] == 0


def test_content_fills_the_vocabulary_after_what_was_clicked() -> None:
    vectors = Vectors(("x", "y"), np.ones((2, 1), dtype=np.float32))
    assert CatalogueContent(vectors).beside(["y"]) == [("x", 0)]
    assert item_hash("x") != 0
