"""Forgetting a visitor: ask the owners, wait for their receipts, clean the event log, and prove it."""

import secrets
import time
from collections.abc import Sequence
from typing import NamedTuple

from kafka import TopicPartition

from deploy.cluster.clients import consumer, producer
from deploy.cluster.state import changelog_of
from deploy.privacy import proof_lines, search, visitor_keys
from deploy.privacy.copy_confirmations import Unconfirmed, confirmed, unconfirmed
from deploy.privacy.profile_marks import delete_profiles
from deploy.privacy.proof_lines import ProofLine
from deploy.privacy.search_scope import SearchScope
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
    lines: list[ProofLine]
    unconfirmed: list[Unconfirmed]


def forget_visitor(scope: SearchScope, visitor: str, seconds: float) -> Proof:
    """Forget, and say where the visitor was. `seconds` is how long owners have to answer.

    Raises ForgetError where an owner does not, WrongSecret, KafkaUnreachable, and EventLogError.
    """
    check_secret(scope.to, scope.names, scope.pseudonymiser)
    request = secrets.token_hex(8)
    called = scope.called(visitor)
    before = search.in_changelog(scope.to, changelog_of(scope.worker.application_id), *called)
    held = visitor_keys.current_records(scope.to, scope.names.visitor_keys, called)
    partitions = ask(scope, visitor, request)
    receipts = await_receipts(scope, request, partitions, seconds)
    check_owners(scope, [receipt.erasure for receipt in receipts.values()], by_id=True)
    visitor_keys.delete(scope.to, scope.names.visitor_keys, held)
    for topic in scope.marked:
        visitor_keys.delete(scope.to, topic, visitor_keys.current_records(scope.to, topic, called))
    since = {number: receipt.offset for number, receipt in receipts.items()}
    copies = confirmed(scope, since, seconds)
    now = int(time.time() * 1000)
    erased = forget(scope.log, called, now)
    keys_gone, key_lines = proof_lines.of_keys(scope, held, now)
    told = [
        *proof_lines.of_state(scope, [receipt.erasure for receipt in receipts.values()], copies, before),
        *key_lines,
        delete_profiles(scope, called, now),
        *proof_lines.of_topics(scope, visitor, keys_gone),
        *proof_lines.of_log(scope, visitor, erased),
        *(ProofLine(store.name, "nothing of visitors", "", "") for store in STORES if not store.holds),
    ]
    return Proof(request, now, told, unconfirmed(copies))


def ask(scope: SearchScope, visitor: str, request: str) -> int:
    """Put the request on every partition, since clicks may have gone anywhere; how many those are.

    With pseudonyms no record has the id itself: the key is the pseudonym, a header has the id sealed.
    """
    key, topic = visitor.encode(), scope.names.clicks
    headers = [(FORGET, request.encode())]
    if scope.pseudonymiser is not None:
        headers.append((SEALED_ID, scope.pseudonymiser.seal(key, secrets.token_bytes(NONCE_BYTES))))
        key = scope.pseudonymiser.visitor(key).encode()
    with producer(scope.to) as client:
        partitions = sorted(client.partitions_for(topic))
        for future in [client.send(topic, None, key, headers, number) for number in partitions]:
            future.get(30)
    return len(partitions)


class Receipt(NamedTuple):
    """What an owner said, and where on its partition of the topic of receipts."""

    offset: int
    erasure: Erasure


def await_receipts(scope: SearchScope, request: str, partitions: int, seconds: float) -> dict[int, Receipt]:
    """By partition what its owner said, at the place of its last word on the request.

    Owners of users whose record had the visitor answer once more. Raises ForgetError.
    """
    found: dict[int, Receipt] = {}
    answers: list[Receipt] = []
    topic, deadline = scope.names.erasures, time.monotonic() + seconds
    with consumer(scope.to) as client:
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


def check_owners(scope: SearchScope, receipts: Sequence[Erasure], by_id: bool) -> None:
    """Whether all owners have the command's secret, and, `by_id`, opened the id of a request by pseudonym.

    Elsewhere a visitor is found by their pseudonym: with another secret the proof would be wrong. Owners from
    before requests by pseudonym erase what they have under it, and do not read the sealed id. Raises
    WrongSecret and ForgetError.
    """
    own = scope.pseudonymiser.fingerprint if scope.pseudonymiser else ""
    theirs = {receipt.pseudonyms for receipt in receipts} - {own}
    if theirs:
        erased = (
            "these workers erased nothing" if scope.pseudonymiser else "their state is erased, nothing else"
        )
        raise WrongSecret(theirs, own, erased)
    older = [str(receipt.partition) for receipt in receipts if not receipt.opened]
    if by_id and scope.pseudonymiser and older:
        raise ForgetError(
            f"the workers of partitions {', '.join(older)} are of an older version: they erased what they "
            "have under the pseudonym, but did not look for state from before there were pseudonyms; update "
            "the workers and ask again"
        )
