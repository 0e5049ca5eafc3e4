"""Forgetting a visitor: ask the owners, wait for their receipts, clean the event log, and prove it."""

import secrets
import time
from collections.abc import Sequence
from typing import NamedTuple

from kafka import TopicPartition

from deploy.cluster.clients import consumer, producer
from deploy.cluster.state import changelog_of
from deploy.privacy import lines, search, visitor_keys
from deploy.privacy.copy_confirmations import Unconfirmed, confirmed, unconfirmed
from deploy.privacy.lines import Line
from deploy.privacy.places import Places
from deploy.privacy.profile_marks import taken_back
from deploy.privacy.secret import WrongSecret, check_secret
from deploy.privacy.stores import STORES
from models.contract.pseudonyms import NONCE_BYTES
from models.errors import PathcastError
from models.privacy import erasure
from models.privacy.erasure import FORGET, SEALED_ID, Erasure
from trainer.eventlog.log_erasure import forget


class ForgetError(PathcastError):
    """A visitor is not forgotten everywhere; asking again is safe."""


class Proof(NamedTuple):
    """Says what became of a request; it does not say who asked.

    `unconfirmed` are the datadirs that may still hold the visitor.
    """

    request: str
    at: int
    lines: list[Line]
    unconfirmed: list[Unconfirmed]


def forgotten(places: Places, visitor: str, seconds: float) -> Proof:
    """Forget, and say where the visitor was. `seconds` is how long owners have to answer.

    Raises ForgetError where an owner does not, WrongSecret, KafkaUnreachable, and EventLogError.
    """
    check_secret(places.to, places.names, places.pseudonymiser)
    request = secrets.token_hex(8)
    called = places.called(visitor)
    before = search.in_changelog(places.to, changelog_of(places.worker.application_id), *called)
    held = visitor_keys.standing(places.to, places.names.visitor_keys, called)
    partitions = ask(places, visitor, request)
    receipts = await_receipts(places, request, partitions, seconds)
    check_owners(places, [receipt.erasure for receipt in receipts.values()], by_id=True)
    visitor_keys.delete(places.to, places.names.visitor_keys, held)
    for topic in places.marked:
        visitor_keys.delete(places.to, topic, visitor_keys.standing(places.to, topic, called))
    since = {number: receipt.offset for number, receipt in receipts.items()}
    copies = confirmed(places, since, seconds)
    now = int(time.time() * 1000)
    erased = forget(places.log, called, now)
    keys_gone, key_lines = lines.of_keys(places, held, now)
    told = [
        *lines.of_state(places, [receipt.erasure for receipt in receipts.values()], copies, before),
        *key_lines,
        taken_back(places, called, now),
        *lines.of_topics(places, visitor, keys_gone),
        *lines.of_log(places, visitor, erased),
        *(Line(store.name, "nothing of visitors", "", "") for store in STORES if not store.holds),
    ]
    return Proof(request, now, told, unconfirmed(copies))


def ask(places: Places, visitor: str, request: str) -> int:
    """Put the request on every partition, since clicks may have gone anywhere; how many those are.

    With pseudonyms no record has the id itself: the key is the pseudonym, a header has the id sealed.
    """
    key, topic = visitor.encode(), places.names.clicks
    headers = [(FORGET, request.encode())]
    if places.pseudonymiser is not None:
        headers.append((SEALED_ID, places.pseudonymiser.seal(key, secrets.token_bytes(NONCE_BYTES))))
        key = places.pseudonymiser.visitor(key).encode()
    with producer(places.to) as client:
        partitions = sorted(client.partitions_for(topic))
        for future in [client.send(topic, None, key, headers, number) for number in partitions]:
            future.get(30)
    return len(partitions)


class Receipt(NamedTuple):
    """What an owner said, and where on its partition of the topic of receipts."""

    offset: int
    erasure: Erasure


def await_receipts(places: Places, request: str, partitions: int, seconds: float) -> dict[int, Receipt]:
    """By partition what its owner said, at the place of its last word on the request.

    Owners of users whose record had the visitor answer once more. Raises ForgetError.
    """
    found: dict[int, Receipt] = {}
    answers: list[Receipt] = []
    topic, deadline = places.names.erasures, time.monotonic() + seconds
    with consumer(places.to) as client:
        parts = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic)]
        client.assign(parts)
        client.seek_to_beginning(*parts)
        while len(found) < partitions or len(answers) < sum(one.erasure.told for one in found.values()):
            if time.monotonic() > deadline:
                raise ForgetError(
                    f"{len(found)} of {partitions} partitions answered within {seconds:.0f} s; start the "
                    "workers and ask again: the request stays on the topic, and twice does no harm"
                )
            for records in client.poll(timeout_ms=500).values():
                receipts = (Receipt(record.offset, erasure.decode(record.value)) for record in records)
                for one in receipts:
                    if one.erasure.request == request:
                        _note(one, found, answers)
    for one in answers:
        known = found[one.erasure.partition]
        found[one.erasure.partition] = Receipt(max(known.offset, one.offset), known.erasure)
    return dict(sorted(found.items()))


def _note(receipt: Receipt, found: dict[int, Receipt], answers: list[Receipt]) -> None:
    if receipt.erasure.answer:
        answers.append(receipt)
    else:
        found.setdefault(receipt.erasure.partition, receipt)


def check_owners(places: Places, receipts: Sequence[Erasure], by_id: bool) -> None:
    """Whether all owners have the command's secret, and, `by_id`, opened the id of a request by pseudonym.

    Elsewhere a visitor is found by their pseudonym: with another secret the proof would be wrong. Owners from
    before requests by pseudonym erase what they have under it, and do not read the sealed id. Raises
    WrongSecret and ForgetError.
    """
    own = places.pseudonymiser.fingerprint if places.pseudonymiser else ""
    theirs = {receipt.pseudonyms for receipt in receipts} - {own}
    if theirs:
        erased = (
            "these workers erased nothing" if places.pseudonymiser else "their state is erased, nothing else"
        )
        raise WrongSecret(theirs, own, erased)
    older = [str(receipt.partition) for receipt in receipts if not receipt.opened]
    if by_id and places.pseudonymiser and older:
        raise ForgetError(
            f"the workers of partitions {', '.join(older)} are of an older version: they erased what they "
            "have under the pseudonym, but did not look for state from before there were pseudonyms; update "
            "the workers and ask again"
        )
