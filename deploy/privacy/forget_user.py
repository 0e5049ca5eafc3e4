"""Forgetting a user: all visitors linked to them, wherever these are, and what joins them."""

import secrets
import time

from deploy.cluster.clients import producer
from deploy.cluster.state import changelog_of
from deploy.privacy import lines, search, visitor_keys
from deploy.privacy.copy_confirmations import confirmed, unconfirmed
from deploy.privacy.forget import Proof, Receipt, await_receipts, check_owners
from deploy.privacy.lines import Line
from deploy.privacy.linked import linked
from deploy.privacy.places import Places
from deploy.privacy.profile_marks import taken_back
from deploy.privacy.secret import check_secret
from deploy.privacy.stores import STATE, STORES
from models.privacy.erasure import FORGET_USER
from trainer.eventlog.log_erasure import forget


def user_forgotten(places: Places, user: str, seconds: float) -> Proof:
    """Forget a user and their visitors, and say where they were. `seconds` is how long owners have to answer.

    Each partition's owner erases its own linked visitors, in order with the clicks, whatever the user's owner
    knows of them. Raises ForgetError where an owner does not, KafkaUnreachable, EventLogError.
    """
    check_secret(places.to, places.names, places.pseudonymiser)
    request = secrets.token_hex(8)
    user_id = places.pseudonymiser.user(user.encode()) if places.pseudonymiser else user
    changelog = changelog_of(places.worker.application_id)
    visitors = linked(places.to, changelog, user_id)
    before = search.in_changelog(places.to, changelog, user_id, *visitors)
    held = visitor_keys.standing(places.to, places.names.visitor_keys, visitors)
    receipts = await_receipts(places, request, _ask(places, user_id, request), seconds)
    check_owners(places, [receipt.erasure for receipt in receipts.values()], by_id=False)
    visitor_keys.delete(places.to, places.names.visitor_keys, held)
    since = {number: receipt.offset for number, receipt in receipts.items()}
    copies = confirmed(places, since, seconds)
    now = int(time.time() * 1000)
    theirs = places.of((user, user_id), visitors)
    # The requests themselves have the user's id as their key.
    erased = forget(places.log, (user_id, *visitors), now)
    keys_gone, key_lines = lines.of_keys(places, held, now)
    told = [
        _users_line(receipts, visitors),
        *lines.of_state(places, [receipt.erasure for receipt in receipts.values()], copies, before),
        *key_lines,
        taken_back(places, (user, user_id, *visitors), now),
        *lines.of_topics(theirs, user, keys_gone),
        *lines.of_log(theirs, user, erased),
        *(Line(store.name, "nothing of visitors", "", "") for store in STORES if not store.holds),
    ]
    return Proof(request, now, told, unconfirmed(copies))


def _ask(places: Places, user_id: str, request: str) -> int:
    """Put the request on every partition of clicks, for linked visitors may be in any; how many those are."""
    topic, headers = places.names.clicks, [(FORGET_USER, request.encode())]
    with producer(places.to) as client:
        partitions = sorted(client.partitions_for(topic))
        for sent in [client.send(topic, None, user_id.encode(), headers, number) for number in partitions]:
            sent.get(30)
    return len(partitions)


def _users_line(receipts: dict[int, Receipt], visitors: list[str]) -> Line:
    """What owners say they erased, beside what the changelog had a moment before."""
    erased = sum(receipt.erasure.visitors for receipt in receipts.values())
    where = ", ".join(str(number) for number, one in receipts.items() if one.erasure.visitors)
    found = f"{len(visitors)} linked visitors" + (f"; {erased} erased in partition {where}" if where else "")
    return Line(f"{STATE.name}: the user", found, "erased with all their visitors", "now")
