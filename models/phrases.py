"""Effects in words: `added to cart +0.21, third view of the same item +0.06`."""

from collections.abc import Sequence
from typing import Final

from models.explanations import ClickEffect, FeatureEffect

#: Effects that a sentence names, of clicks and of features; smaller ones than PUBLISHED are not worth a word.
CLICKS, FEATURES = 3, 2
PUBLISHED: Final = 0.00005
_ORDINALS: Final = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
#: An event as a deed, and as something that is counted.
_WORDS: Final = {
    "page_view": ("opened a page", "visit to the same page"),
    "search": ("searched", "search"),
    "view_item_list": ("looked through a list", "list"),
    "select_item": ("picked an item from a list", "picking of the same item"),
    "view_item": ("viewed an item", "view of the same item"),
    "add_to_wishlist": ("added to wishlist", "adding of the same item to wishlist"),
    "add_to_cart": ("added to cart", "adding of the same item to cart"),
    "remove_from_cart": ("removed from cart", "removal of the same item from cart"),
    "begin_checkout": ("began checkout", "beginning of checkout"),
    "add_payment_info": ("gave payment details", "entry of payment details"),
    "purchase": ("bought", "purchase of the same item"),
    "refund": ("sent back", "refund of the same item"),
    "view_promotion": ("saw a promotion", "promotion seen"),
    "select_promotion": ("clicked a promotion", "promotion clicked"),
    "rate_item": ("rated an item", "rating of the same item"),
    "login": ("logged in", "login"),
}
_BECAUSE: Final = {
    "add_to_cart": "added {} to the cart",
    "add_to_wishlist": "put {} on the wishlist",
    "remove_from_cart": "took {} out of the cart",
    "purchase": "bought {}",
    "rate_item": "rated {}",
    "select_item": "picked {}",
}


def ordinal(number: int) -> str:
    """In words below ten."""
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def click_words(event: str, times: int) -> str:
    """A click in words; `times` it was done so far to the same subject, this one included."""
    once, again = _WORDS[event]
    return once if times < 2 else f"{ordinal(times)} {again}"


def because(event: str, item_id: str | None) -> str:
    """Why an item is recommended: `because you viewed X`."""
    subject = item_id or ("a page" if event == "page_view" else "an item")
    return f"because you {_BECAUSE.get(event, 'viewed {}').format(subject)}"


def coverage(examined: int, clicks: int) -> str:
    """Which clicks an explanation is about, where that is not all of them."""
    if examined == clicks:
        return ""
    if not examined:
        return " (of a single click only features are examined)"
    return f" (of {clicks} clicks the last {examined} are examined)"


def sentence(
    clicks: Sequence[ClickEffect], words: Sequence[str], features: Sequence[FeatureEffect], part: str
) -> str:
    """The strongest effects; `words` are the clicks', `part` says which clicks are covered, if not all."""
    shown = [(effect, said) for effect, said in zip(clicks, words, strict=True) if _counts(effect)][:CLICKS]
    common = {said for _, said in shown if [said for _, said in shown].count(said) > 1}
    named = [f"{said} (click {effect.click})" if said in common else said for effect, said in shown]
    parts = [f"{said} {effect.probability:+.2g}" for (effect, _), said in zip(shown, named, strict=True)]
    known = [effect for effect in features if _counts(effect)][:FEATURES]
    told = ", ".join(parts) or "no click moved it"
    if known:
        told += "; " + ", ".join(f"{f.feature.replace('_', ' ')} {f.probability:+.2g}" for f in known)
    return told + part


def _counts(effect: ClickEffect | FeatureEffect) -> bool:
    return abs(effect.probability) >= PUBLISHED
