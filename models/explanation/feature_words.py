"""Names of features in words, for sentences."""

from typing import Final

#: The words of a count, by event.
_COUNTED: Final = {
    "page_view": "pages opened",
    "search": "searches",
    "view_item_list": "lists looked at",
    "select_item": "items picked from lists",
    "view_item": "item views",
    "add_to_wishlist": "items added to the wishlist",
    "add_to_cart": "items added to the cart",
    "remove_from_cart": "items removed from the cart",
    "begin_checkout": "checkouts begun",
    "add_payment_info": "entries of payment details",
    "purchase": "purchases",
    "select_promotion": "promotions clicked",
    "login": "logins",
}
_WORDS: Final = {
    "clicks": "number of clicks in this session",
    "session_seconds": "length of this session",
    "dwell_seconds": "time since the click before",
    "mean_dwell_seconds": "average time between clicks",
    "distinct_items": "number of different items viewed",
    "distinct_pages": "number of different pages opened",
    "cart_items": "number of items in the cart",
    "cart_value": "value of the cart",
    "spend": "money spent in this session",
    "since_cart": "time since something was put in the cart",
    "since_checkout": "time since the checkout began",
    "since_visit": "time since the last visit",
    "since_purchase": "time since the last purchase",
    "sessions": "number of sessions so far",
    "bought_sessions": "number of sessions with a purchase",
    "orders": "number of orders so far",
    "total_spend": "money spent so far",
    "left_items": "number of items left in the last session's cart",
    "left_value": "value left in the last session's cart",
    "basket_lines": "number of items in the cart, with those left there earlier",
    "basket_pieces": "number of pieces in the cart, with those left there earlier",
    "basket_value": "value of the cart, with what was left there earlier",
    "basket_price": "average price in the cart, with what was left there earlier",
    "basket_least": "lowest price in the cart, with what was left there earlier",
    "basket_most": "highest price in the cart, with what was left there earlier",
    "since_basket": "time since the cart last changed",
    "price": "price of the item",
    "price_position": "price compared with others of its category",
    "rating": "rating given",
    "has_item": "whether the click is about an item",
    "mark": "flags of the click (too fast, seen before, in the cart)",
    "damage": "fields that were damaged, clipped or filled in",
    "liking": "strength of long-term interests",
    "liked_categories": "number of categories liked",
    "liked_this": "long-term interest in this category",
    "price_above_liked": "price compared with what the visitor usually looks at",
    "event": "kind of this click",
    "previous_event": "kind of the click before",
    "hour": "time of day",
    "weekday": "day of the week",
    "age_band": "age group",
    "query": "search words",
}


def feature_words(name: str) -> str:
    """A feature in words; without an entry, its name with spaces."""
    prefix, _, event = name.partition("_")
    if event in _COUNTED and prefix in ("session", "earlier"):
        return (
            f"number of {_COUNTED[event]} in {'this session' if prefix == 'session' else 'earlier sessions'}"
        )
    return _WORDS.get(name, name.replace("_", " "))
