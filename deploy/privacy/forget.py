"""Forget a visitor: send requests, wait for the receipts of workers, clean the event log, and prove it."""

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
from deploy.terminal.failures import telling
from models.contract.pseudonyms import NONCE_BYTES
from models.errors import PathcastError
from models.privacy import erasure
from models.privacy.erasure import FORGET, SEALED_ID, Erasure
from trainer.eventlog.log_erasure import forget


class ForgetError(PathcastError):
    """A visitor is not forgotten everywhere; running the command again is safe."""


class Proof(NamedTuple):
    """The result of a request; it does not name the visitor.

    `unconfirmed` are the datadirs that may still hold the visitor.
    """

    request: str
    at: int
    lines: list[ProofLine]
    unconfirmed: list[Unconfirmed]


def forget_visitor(scope: SearchScope, visitor: str, seconds: float) -> Proof:
    """Forget a visitor and prove it. Workers have `seconds` to answer.

    Raises ForgetError where a worker does not, WrongSecret, KafkaUnreachable, and EventLogError.
    """
    done: list[str] = []
    with telling(lambda: _so_far(done)):
        return _forgotten(scope, visitor, seconds, done)


def _so_far(done: Sequence[str]) -> str:
    return (
        f"Done so far: {', '.join(done) or 'nothing'}. Run the command again: what was done is done again "
        "without harm"
    )


def _forgotten(scope: SearchScope, visitor: str, seconds: float, done: list[str]) -> Proof:
    """The proof; each step that is over is added to `done`."""
    check_secret(scope.to, scope.names, scope.pseudonymiser)
    request = secrets.token_hex(8)
    called = scope.called(visitor)
    before = search.in_changelog(scope.to, changelog_of(scope.worker.application_id), *called)
    held = visitor_keys.current_records(scope.to, scope.names.visitor_keys, called)
    partitions = ask(scope, visitor, request)
    done.append(f"request {request} written to {partitions} partitions")
    receipts = await_receipts(scope, request, partitions, seconds)
    check_owners(scope, [receipt.erasure for receipt in receipts.values()], by_id=True)
    done.append("the workers' state erased")
    visitor_keys.delete(scope.to, scope.names.visitor_keys, held)
    for topic in scope.marked:
        visitor_keys.delete(scope.to, topic, visitor_keys.current_records(scope.to, topic, called))
    done.append("keys and profile deleted")
    since = {number: receipt.offset for number, receipt in receipts.items()}
    copies = confirmed(scope, since, seconds)
    now = int(time.time() * 1000)
    erased = forget(scope.log, called, now)
    done.append("the event log erased; only the proof is missing")
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
    """Write the request to every partition, because clicks may be in any; returns the number of partitions.

    With pseudonyms no record has the plain id: the key is the pseudonym, a header has the sealed id.
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
    """The receipt of a worker, and its offset on the topic of receipts."""

    offset: int
    erasure: Erasure


def await_receipts(scope: SearchScope, request: str, partitions: int, seconds: float) -> dict[int, Receipt]:
    """The receipts by partition, with the offset of the last receipt for the request.

    Workers whose user records named the visitor send a second receipt. Raises ForgetError.
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
                    "workers and run the command again: requests stay on the topic, a second one is harmless"
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
    """Check that all workers have the secret of this command; with `by_id`, that they opened the sealed id.

    Elsewhere a visitor is found by pseudonym, so the proof would be wrong with another secret. Workers of
    older versions erase the state under the pseudonym, but do not read the sealed id. Raises WrongSecret
    and ForgetError.
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
            f"the workers of partitions {', '.join(older)} are of an older version: they erased state "
            "under the pseudonym, but not state from before pseudonyms were introduced; update the workers "
            "and run the command again"
        )
