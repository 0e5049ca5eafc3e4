"""Forget a user: all linked visitors in every partition, and the links."""

import secrets
import time

from deploy.cluster.clients import producer
from deploy.cluster.state import changelog_of
from deploy.privacy import proof_lines, search, visitor_keys
from deploy.privacy.copy_confirmations import confirmed, unconfirmed
from deploy.privacy.forget import Proof, Receipt, await_receipts, check_owners
from deploy.privacy.linked_visitors import linked
from deploy.privacy.profile_marks import delete_profiles
from deploy.privacy.proof_lines import ProofLine
from deploy.privacy.search_scope import SearchScope
from deploy.privacy.secret import check_secret
from deploy.privacy.stores import STATE, STORES
from models.privacy.erasure import FORGET_USER
from trainer.eventlog.log_erasure import forget


def forget_user(scope: SearchScope, user: str, seconds: float) -> Proof:
    """Forget a user with all linked visitors and prove it. Workers have `seconds` to answer.

    The worker of each partition erases its own linked visitors, in order with the clicks, independently of
    the user record. Raises ForgetError where a worker does not answer, KafkaUnreachable, EventLogError.
    """
    check_secret(scope.to, scope.names, scope.pseudonymiser)
    request = secrets.token_hex(8)
    user_id = scope.pseudonymiser.user(user.encode()) if scope.pseudonymiser else user
    changelog = changelog_of(scope.worker.application_id)
    visitors = linked(scope.to, changelog, user_id)
    before = search.in_changelog(scope.to, changelog, user_id, *visitors)
    held = visitor_keys.current_records(scope.to, scope.names.visitor_keys, visitors)
    receipts = await_receipts(scope, request, _ask(scope, user_id, request), seconds)
    check_owners(scope, [receipt.erasure for receipt in receipts.values()], by_id=False)
    visitor_keys.delete(scope.to, scope.names.visitor_keys, held)
    since = {number: receipt.offset for number, receipt in receipts.items()}
    copies = confirmed(scope, since, seconds)
    now = int(time.time() * 1000)
    theirs = scope.of((user, user_id), visitors)
    # The requests have the id of the user as their key.
    erased = forget(scope.log, (user_id, *visitors), now)
    keys_gone, key_lines = proof_lines.of_keys(scope, held, now)
    told = [
        _users_line(receipts, visitors),
        *proof_lines.of_state(scope, [receipt.erasure for receipt in receipts.values()], copies, before),
        *key_lines,
        delete_profiles(scope, (user, user_id, *visitors), now),
        *proof_lines.of_topics(theirs, user, keys_gone),
        *proof_lines.of_log(theirs, user, erased),
        *(ProofLine(store.name, "nothing of visitors", "", "") for store in STORES if not store.holds),
    ]
    return Proof(request, now, told, unconfirmed(copies))


def _ask(scope: SearchScope, user_id: str, request: str) -> int:
    """Write the request to every partition, since linked visitors may be in any; returns how many."""
    topic, headers = scope.names.clicks, [(FORGET_USER, request.encode())]
    with producer(scope.to) as client:
        partitions = sorted(client.partitions_for(topic))
        for sent in [client.send(topic, None, user_id.encode(), headers, number) for number in partitions]:
            sent.get(30)
    return len(partitions)


def _users_line(receipts: dict[int, Receipt], visitors: list[str]) -> ProofLine:
    """What workers erased, beside the linked visitors that the changelog had before."""
    erased = sum(receipt.erasure.visitors for receipt in receipts.values())
    where = ", ".join(str(number) for number, one in receipts.items() if one.erasure.visitors)
    found = f"{len(visitors)} linked visitors" + (f"; {erased} erased in partition {where}" if where else "")
    return ProofLine(f"{STATE.name}: the user", found, "erased with all their visitors", "now")
