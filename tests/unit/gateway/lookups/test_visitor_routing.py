"""A visitor is found at whichever worker has it, and nobody else's data is shown."""

from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gateway.lookups.worker_addresses import WorkerAddressError, WorkerAddresses
from streams.metrics import Metrics
from streams.service.web import Endpoints
from streams.transport.routing import home
from tests.gateways import TestGateway, gateway_settings

PARTITIONS = 4
ODD = "a/../b?c=1#d %2e é.."


def known(visitor):
    told = {"profile": {"sessions": 1}, "state": {"name": visitor}, "answers": ['{"rung": "neural"}']}
    return {"partition": home(visitor.encode(), PARTITIONS), **told}


class FakeWorker:
    """A worker's real endpoints over a dict of visitors; `owned` are its partitions."""

    def __init__(self, owned, visitors=(), token=None):
        self.owned, self.visitors, self.asked = set(owned), set(visitors), []
        self.endpoints = Endpoints(
            "127.0.0.1", 0, token, Metrics(), dict, self.look_up, self.explain, dict, owned=lambda: self.owned
        )

    def look_up(self, visitor):
        self.asked.append(visitor)
        return known(visitor) if visitor in self.visitors else None

    def explain(self, visitor):
        return {"intent": {"text": "cart"}} if visitor in self.visitors else None


@asynccontextmanager
async def shop(*workers):
    async with AsyncExitStack() as stack:
        for worker in workers:
            await worker.endpoints.start()
            stack.push_async_callback(worker.endpoints.stop)
        addresses = ",".join(f"http://127.0.0.1:{worker.endpoints.port}" for worker in workers)
        gateway = TestGateway(gateway_settings(), workers=addresses, partitions=PARTITIONS)
        yield await stack.enter_async_context(gateway.serving())


async def test_the_owner_is_found_and_then_asked_alone():
    owner, other = FakeWorker({0, 1, 2, 3} - {home(b"anna", 4)}), FakeWorker({home(b"anna", 4)}, {"anna"})
    async with shop(owner, other) as client:
        first = await client.get("/v1/visitors/anna")
        second = await client.get("/v1/visitors/anna")
    assert first.status_code == second.status_code == 200
    body = first.json()
    assert body["visitor_id"] == "anna"
    assert body["state"] == {"name": "anna"}
    assert body["answers"] == [{"rung": "neural"}]
    assert body["explanation"] == {"intent": {"text": "cart"}}
    assert (len(owner.asked), len(other.asked)) == (1, 2)


async def test_during_a_move_a_visitor_is_neither_found_nor_said_to_be_unknown():
    place = home(b"anna", PARTITIONS)
    before, after = FakeWorker(range(PARTITIONS), {"anna"}), FakeWorker(())
    async with shop(before, after) as client:
        assert (await client.get("/v1/visitors/anna")).status_code == 200
        before.owned.discard(place)
        before.visitors.clear()
        moving = await client.get("/v1/visitors/anna")
        assert (moving.status_code, moving.headers["retry-after"]) == (503, "2")
        after.owned.add(place)
        after.visitors.add("anna")
        assert (await client.get("/v1/visitors/anna")).json()["state"] == {"name": "anna"}
        unknown = await client.get("/v1/visitors/berta")
        assert unknown.status_code == 404


async def test_a_visitor_on_another_partition_than_its_own_is_found():
    place = home(b"anna", PARTITIONS)
    own, other = FakeWorker({place}), FakeWorker(set(range(PARTITIONS)) - {place}, {"anna"})
    async with shop(own, other) as client:
        assert (await client.get("/v1/visitors/anna")).status_code == 200


@pytest.mark.parametrize("visitor", [ODD, "..", ".", "a/b", "%2F", "x\u0000y"])
async def test_no_id_leads_anywhere_else(visitor):
    worker = FakeWorker(range(PARTITIONS), {ODD, "..", ".", "a/b", "%2F", "x\u0000y", "other"})
    async with shop(worker) as client:
        quoted = "".join(f"%{byte:02X}" for byte in visitor.encode())
        found = await client.get(f"/v1/visitors/{quoted}")
    assert found.status_code == 200, found.text
    assert found.json()["visitor_id"] == visitor
    assert found.json()["state"] == {"name": visitor}
    assert worker.asked == [visitor]


async def test_without_a_worker_it_says_so():
    async with TestGateway(gateway_settings()).serving() as client:
        found = await client.get("/v1/visitors/anna")
        models = await client.get("/v1/models")
    assert (found.status_code, found.json()["error"]) == (503, "moving")
    assert models.json()["workers"] == {"http://127.0.0.1:9": None}


async def test_workers_that_want_a_token_are_told_of():
    async with shop(FakeWorker(range(PARTITIONS), token="secret")) as client:
        found = await client.get("/v1/visitors/anna")
    assert (found.status_code, "PATHCAST_WEB_TOKEN" in found.text) == (503, True)


@pytest.mark.parametrize("text", ["worker:6066", "ftp://worker", "http://", "http://w?x=1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(WorkerAddressError, match="expected addresses"):
        WorkerAddresses(text)


async def test_a_name_stands_for_all_of_its_addresses():
    addresses = WorkerAddresses("http://localhost:6066, https://w.example/, http://nowhere.invalid")
    found = await addresses.all()
    assert "http://127.0.0.1:6066" in found
    assert "https://w.example" in found
    assert not any("nowhere" in one for one in found)
