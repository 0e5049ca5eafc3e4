"""Link a visitor to the user who logged in: the device's side. Pure; `models.identity.user_devices` is the
user's side.

The latest login by event time counts. Each function returns the transitions for the user's owner.
"""

from models.contract.events import Click
from models.identity.joining import summarise
from models.state.facts import Shared
from models.state.summary import Summary
from models.state.traits import Traits, trait, without_old
from models.state.visitor import Visitor


def share(visitor: Visitor) -> list[Shared]:
    """The visitor's current profile, for its user; empty if it has none."""
    if not visitor.user_id:
        return []
    return [Shared(visitor.user_id, visitor.last_ts, summarise(visitor))]


def unlink(visitor: Visitor) -> list[Shared]:
    """Unlink the visitor from its user. Also call this before a linked visitor is erased.

    `linked_at` stays, so that an earlier login still counts as late.
    """
    if not visitor.user_id:
        return []
    told = Shared(visitor.user_id, visitor.last_ts, None)
    visitor.user_id, visitor.others = "", None
    return [told]


def follow(visitor: Visitor, click: Click) -> list[Shared]:
    """Link the visitor to the click's user, unless a later login said otherwise. For consenting clicks."""
    user_id = click.user_id
    if user_id is None or click.ts < visitor.linked_at:
        return []
    if user_id == visitor.user_id:
        visitor.linked_at = click.ts
        return []
    told = unlink(visitor)
    visitor.user_id, visitor.linked_at = user_id, click.ts
    return told + share(visitor)


def declare(visitor: Visitor, click: Click) -> None:
    """Keep a click's traits if it has `consent: true`; of each field the newest value counts."""
    if click.age_band is None and click.gender is None and click.region is None:
        return
    known, ts = visitor.declared, click.ts
    if known is None:
        known = Traits()
    if click.age_band and ts >= known.age_ts:
        known.age, known.age_ts = trait(click.age_band), ts
    if click.gender and ts >= known.gender_ts:
        known.gender, known.gender_ts = trait(click.gender), ts
    if click.region and ts >= known.region_ts:
        known.region, known.region_ts = trait(click.region), ts
    visitor.declared = known


def give(visitor: Visitor, given: Traits | None) -> list[Shared]:
    """Take the visitor's traits from the topic `profiles`; None deletes them.

    Call this with the stored traits for a new visitor, and with each change of them. A visitor who refused
    consent gets none.
    """
    if visitor.denied or given == visitor.given:
        return []
    visitor.given = given
    return share(visitor)


def take_others(visitor: Visitor, user_id: str, others: Summary | None) -> bool:
    """Take the sum of the user's other devices; returns False if the visitor is no longer linked."""
    if visitor.user_id != user_id:
        return False
    visitor.others = others
    return True


def erase(visitor: Visitor) -> list[Shared]:
    """Consent was refused: delete all traits and the link to other devices."""
    visitor.declared = visitor.given = None
    return unlink(visitor)


def age(visitor: Visitor, now: int) -> None:
    """Drop traits from clicks that are too old; called when a session starts."""
    if visitor.declared is not None:
        visitor.declared = without_old(visitor.declared, now)
