"""The known forms of events, and which of them an event has."""

from collections.abc import Mapping
from typing import Final, Literal

from models.errors import PathcastError
from models.forms.form import Form, Raw
from models.forms.ga4 import BIGQUERY, MEASUREMENT_PROTOCOL
from models.forms.gtag import GTAG
from models.forms.matomo import MATOMO
from models.forms.own import OWN
from models.forms.segment import SEGMENT
from models.forms.shopify import SHOPIFY
from models.forms.snowplow import SNOWPLOW

#: By name, in the order in which they are tried.
FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (MEASUREMENT_PROTOCOL, BIGQUERY, SEGMENT, SNOWPLOW, SHOPIFY, MATOMO, GTAG, OWN)
}
#: Names of forms, and `auto` for any that is recognised by its shape.
FormName = Literal[
    "auto", "own", "ga4_mp", "ga4_bigquery", "segment", "snowplow", "shopify", "matomo", "gtag"
]
AUTO: Final = "auto"


class FormError(PathcastError):
    """No form has this name."""


def named(name: str) -> Form | None:
    """The form of a name; None for AUTO. Raises FormError."""
    if name == AUTO:
        return None
    if name not in FORMS:
        raise FormError(f"form {name!r} is not known; choose from {', '.join((AUTO, *FORMS))}")
    return FORMS[name]


def recognise(raw: Raw) -> Form:
    """The form of an event by its shape; the contract's own where no other is recognised."""
    if "visitor_id" in raw and "ts" in raw and "event" in raw and "ecommerce" not in raw:
        return OWN
    return next(form for form in FORMS.values() if form.recognised(raw))
