"""Explanations in words: what the visitor did, by the verb of each event, and how it changed the answer."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from models.contract.explanations import ClickEffect, FeatureEffect
from models.decisions.units import percent, points
from models.explanation.feature_words import feature_words

#: Most effects of clicks and of features that a sentence names; effects below PUBLISHED are left out.
CLICKS, FEATURES = 3, 2
PUBLISHED: Final = 0.00005
_ORDINALS: Final = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


class VerbPhrases(NamedTuple):
    """An event in the past tense: about an item (`{}`), without an item, and repeated on the same page."""

    about: str
    bare: str
    again: str = ""


#: Phrases of each event of `models.contract.events.EVENTS`; a test compares the two.
VERB_PHRASES: Final = {
    "page_view": VerbPhrases("opened the page of {}", "opened a page", "opened the same page"),
    "search": VerbPhrases("searched for {}", "searched"),
    "view_item_list": VerbPhrases("looked at a list with {}", "looked at a list"),
    "select_item": VerbPhrases("picked {} from a list", "picked an item from a list"),
    "view_item": VerbPhrases("viewed {}", "viewed an item"),
    "add_to_wishlist": VerbPhrases("added {} to the wishlist", "added an item to the wishlist"),
    "add_to_cart": VerbPhrases("added {} to the cart", "added an item to the cart"),
    "remove_from_cart": VerbPhrases("removed {} from the cart", "removed an item from the cart"),
    "begin_checkout": VerbPhrases("began the checkout with {}", "began the checkout"),
    "add_payment_info": VerbPhrases("entered payment details for {}", "entered payment details"),
    "purchase": VerbPhrases("bought {}", "completed a purchase"),
    "refund": VerbPhrases("returned {}", "returned a purchase"),
    "view_promotion": VerbPhrases("saw a promotion for {}", "saw a promotion"),
    "select_promotion": VerbPhrases("clicked a promotion for {}", "clicked a promotion"),
    "rate_item": VerbPhrases("rated {}", "rated an item"),
    "login": VerbPhrases("logged in on the page of {}", "logged in"),
}


def verb_phrases(event: str) -> VerbPhrases:
    """The phrases of an event; without an entry they quote its name."""
    known = VERB_PHRASES.get(event)
    return known or VerbPhrases(f'sent the event "{event}" for {{}}', f'sent the event "{event}"')


def ordinal(number: int) -> str:
    """An ordinal number, in words below ten."""
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def click_words(event: str, times: int, item: bool) -> str:
    """A click in words; `times` counts the same event on the same item or page, this click included."""
    said = verb_phrases(event)
    if times < 2:
        return said.about.format("an item") if item else said.bare
    again = said.about.format("the same item") if item else said.again or f"{said.bare} on the same page"
    return f"{again} for the {ordinal(times)} time"


def because(event: str, item_id: str | None, item: bool = True) -> str:
    """Why an item is recommended: `because you viewed X`; `item` says whether the click was about an item."""
    said = verb_phrases(event)
    return f"because you {said.about.format(item_id or 'an item') if item else said.bare}"


def coverage(examined: int, clicks: int) -> str:
    """A sentence that says which clicks were examined; empty where all were."""
    if examined == clicks:
        return ""
    if not examined:
        return " The session has a single click, so only features are examined."
    return f" Of {clicks} clicks, the last {examined} are examined."


def sentence(
    probability: float,
    clicks: Sequence[ClickEffect],
    words: Sequence[str],
    features: Sequence[FeatureEffect],
    part: str,
) -> str:
    """The strongest effects in sentences; `words` describe the clicks, `part` is what `coverage` says."""
    shown = [(effect, said) for effect, said in zip(clicks, words, strict=True) if _counts(effect)][:CLICKS]
    common = {said for _, said in shown if [said for _, said in shown].count(said) > 1}
    named = [f"{said} (click {effect.click})" if said in common else said for effect, said in shown]
    moved = [f"{said}: {points(effect.probability)}" for (effect, _), said in zip(shown, named, strict=True)]
    known = [effect for effect in features if _counts(effect)][:FEATURES]
    told = f"Purchase probability in this session: {percent(probability)}."
    told += f" The visitor {'; '.join(moved)}." if moved else ""
    told += " No click changed it." if clicks and not moved else ""
    if known:
        told += (
            f" Features: {'; '.join(f'{feature_words(f.feature)}: {points(f.probability)}' for f in known)}."
        )
    return told + part


def _counts(effect: ClickEffect | FeatureEffect) -> bool:
    return abs(effect.probability) >= PUBLISHED
