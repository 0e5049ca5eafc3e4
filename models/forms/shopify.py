"""Shopify's web pixels: standard events of a shop's pages and its checkout."""

from models.forms.event_paths import paths
from models.forms.form import Form, has, places

_IDS = (
    "product.id merchandise.product.id variant.product.id "
    "merchandise.id merchandise.sku variant.id variant.sku sku"
)
_NAMED = has("name", "clientId", "timestamp")

SHOPIFY = Form(
    "shopify",
    "Shopify web pixels",
    lambda raw: _NAMED(raw) and "event" not in raw and ("data" in raw or "context" in raw),
    places(
        event_id="id",
        visitor_id="clientId",
        user_id="data.checkout.order.customer.id",
        ts="timestamp",
        event="name",
        value="data.checkout.totalPrice.amount data.cartLine.cost.totalAmount.amount",
        currency="data.checkout.currencyCode data.checkout.totalPrice.currencyCode "
        "data.cartLine.merchandise.price.currencyCode data.productVariant.price.currencyCode",
        transaction_id="data.checkout.order.id data.checkout.token",
        query="data.searchResult.query",
        page="context.document.location.href",
        country="data.checkout.shippingAddress.countryCode",
    ),
    lines=paths(
        "data.productVariant",
        "data.cartLine",
        "data.checkout.lineItems",
        "data.cart.lines",
        "data.collection.productVariants",
        "data.searchResult.productVariants",
    ),
    line=places(
        item_id=_IDS,
        price="price.amount merchandise.price.amount variant.price.amount",
        category="product.type merchandise.product.type variant.product.type",
        brand="product.vendor merchandise.product.vendor variant.product.vendor",
        currency="price.currencyCode merchandise.price.currencyCode variant.price.currencyCode",
    ),
    utc=True,
    unused=("seq", "type", "context.navigator", "context.window", "data.checkout.email", "data.cart.cost"),
)
