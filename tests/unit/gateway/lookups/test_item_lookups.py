"""Similar and popular items: as a plain computation finds them, without what is not sold."""

import threading

import numpy as np
import pytest

from gateway.lookups import item_lookups
from gateway.lookups.item_lookups import ItemLookups, _best_first
from models.contract.catalogue import Item
from models.registry.versions import Version
from tests.gateways import TestGateway, gateway_settings
from tests.tiny import version as tiny


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"))


async def test_similar_items_are_those_of_the_largest_cosine(version):
    table = version.network.item_embeddings().detach().numpy()[: len(version.vocabulary.ids)].astype(float)
    at = 3
    cosines = table @ table[at] / np.linalg.norm(table, axis=1) / np.linalg.norm(table[at])
    cosines[at] = -2
    expected = [version.vocabulary.ids[one] for one in np.argsort(-cosines)[:5]]
    async with TestGateway(gateway_settings(), version).serving() as client:
        found = (await client.get(f"/v1/items/{version.vocabulary.ids[at]}/similar?limit=5")).json()
    assert found["model_version"] == version.id
    assert [one["item_id"] for one in found["items"]] == expected
    assert found["items"][0]["score"] == pytest.approx(cosines.max(), abs=1e-5)


async def test_items_that_are_not_sold_are_left_out_and_others_described(version):
    gateway = TestGateway(gateway_settings(), version)
    order = np.argsort(-version.popularity, kind="stable")
    first, second, third = (version.vocabulary.ids[at] for at in order[:3])
    async with gateway.serving() as client:
        before = (await client.get("/v1/popular?limit=2")).json()["items"]
        catalogue = gateway.offline.pipeline.decoder.catalogue
        catalogue.put(first, Item(stock=0))
        catalogue.put(second, Item(title="A mug", price=9.5))
        after = (await client.get("/v1/popular?limit=2")).json()["items"]
        similar = (await client.get(f"/v1/items/{third}/similar?limit=100")).json()["items"]
    assert [one["item_id"] for one in before] == [first, second]
    assert [one["item_id"] for one in after] == [second, third]
    assert (after[0]["title"], after[0]["price"]) == ("A mug", 9.5)
    assert first not in [one["item_id"] for one in similar]


def test_places_come_as_of_a_whole_sort_whatever_is_left_out_of_them():
    scores = np.random.default_rng(0).integers(0, 50, 5_000).astype(np.float32)
    assert list(_best_first(scores)) == np.argsort(-scores, kind="stable").tolist()
    assert list(_best_first(np.full(3, np.nan, np.float32))) == []


async def test_popular_items_are_sorted_once_for_a_version_and_no_look_up_holds_the_loop(
    version, monkeypatch
):
    sorts, threads = [], set()
    sort, popular = np.argsort, ItemLookups.popular
    monkeypatch.setattr(
        item_lookups.np, "argsort", lambda *all, **kinds: sorts.append(1) or sort(*all, **kinds)
    )

    def told(*given):
        threads.add(threading.current_thread())
        return popular(*given)

    monkeypatch.setattr(ItemLookups, "popular", told)
    async with TestGateway(gateway_settings(), version).serving() as client:
        for _ in range(3):
            assert (await client.get("/v1/popular")).status_code == 200
    assert len(sorts) == 1
    assert threading.current_thread() not in threads


async def test_popular_items_of_a_category_that_nobody_looked_at_are_none(version):
    async with TestGateway(gateway_settings(), version).serving() as client:
        found = await client.get("/v1/popular?category=nothing")
    assert (found.status_code, found.json()["items"]) == (200, [])


@pytest.mark.parametrize("path", ["/v1/items/nobody/similar", "/v1/items/a%2Fb/similar"])
async def test_an_unknown_item_is_said_to_be_unknown(version, path):
    async with TestGateway(gateway_settings(), version).serving() as client:
        assert (await client.get(path)).status_code == 404


async def test_without_a_model_there_is_nothing_to_look_up():
    async with TestGateway(gateway_settings()).serving() as client:
        found = await client.get("/v1/popular")
    assert (found.status_code, found.headers["retry-after"]) == (503, "10")
