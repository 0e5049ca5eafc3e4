"""What an audience expression can name: numbers and words of a click, its session and its visitor.

`streams.pipeline.audience_columns` computes them; `docs/policies/actions.md` lists them. A number that is
not known is missing: no comparison with it holds, and `known(name)` tells.
"""

from collections.abc import Mapping
from typing import Final, get_args

from models.contract.decision_context import Stage
from models.contract.events import EVENTS

#: Numbers that are features of the click (`models.features.features`), in their own units.
FEATURES: Final[Mapping[str, str]] = {
    "clicks": "clicks of the session, this one included",
    "session_seconds": "seconds since the session began",
    "dwell_seconds": "seconds since the click before",
    "session_search": "searches in the session",
    "session_view_item": "product views in the session",
    "session_add_to_cart": "items put into the cart in the session",
    "session_remove_from_cart": "items taken out of the cart in the session",
    "session_begin_checkout": "checkouts begun in the session",
    "session_purchase": "purchases in the session",
    "session_login": "logins in the session",
    "distinct_items": "different items seen in the session",
    "cart_items": "items in the cart",
    "cart_value": "value of the cart, currency units",
    "spend": "money spent in the session, currency units",
    "sessions": "sessions so far, this one included",
    "bought_sessions": "sessions with a purchase, this one included",
    "orders": "orders so far",
    "total_spend": "money spent so far, currency units",
    "left_items": "items left in the cart of an earlier session",
    "left_value": "value of that cart, currency units",
    "price": "price of the item clicked, currency units",
    "rating": "rating given with this click",
    "rating_mean": "mean of the ratings given",
    "ratings_given": "ratings given",
    "interest_this": "the visitor's interest in the item's category, 0 to 1",
}
#: Hours since something, from the features in milliseconds that they name; missing where it never was.
HOURS: Final[Mapping[str, str]] = {
    "hours_since_cart": "since_cart",
    "hours_since_checkout": "since_checkout",
    "hours_since_visit": "since_visit",
    "hours_since_purchase": "since_purchase",
}
#: Numbers of the decision's context and of the clock.
CONTEXT: Final[Mapping[str, str]] = {
    "purchase_probability": "probability of a purchase later in the session, as published",
    "session_risk": "risk that the session is automated, as published",
    "hour": "hour of the day, UTC, 0 to 23",
    "weekday": "day of the week, UTC, 0 (Monday) to 6",
}
NUMBERS: Final = frozenset({*FEATURES, *HOURS, *CONTEXT})
#: Words, with the values that they can have; none given: any.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stage": get_args(Stage),
    "event": EVENTS,
    "device": (),
    "channel": (),
    "country": (),
}
