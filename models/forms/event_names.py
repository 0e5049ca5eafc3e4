"""Producers' other names of the contract's events, for all forms.

A map of the shop's own (`PATHCAST_EVENT_MAP`) goes before them.
"""

from collections.abc import Mapping
from typing import Any

from models.forms.names import collapse

_LONGEST_NAME = 64
_OTHER: Mapping[str, tuple[str, ...]] = {
    "page_view": (
        *("screen_view", "view_cart", "page", "screen", "page_viewed", "cart_viewed", "home_viewed"),
        *("pageview", "screen_viewed", "viewed_page", "checkout_step_viewed", "view_page", "viewed_cart"),
    ),
    "search": (
        *("view_search_results", "products_searched", "search_submitted", "site_search", "searched"),
        *("product_searched", "search_performed", "search_results_viewed"),
    ),
    "view_item_list": (
        *("product_list_viewed", "product_list_filtered", "collection_viewed", "list_view", "impressions"),
        *("product_impressions", "category_view", "category_viewed", "view_category", "product_list_view"),
    ),
    "select_item": ("product_clicked", "list_click", "product_click", "item_clicked", "select_content"),
    "view_item": (
        *("view", "product_viewed", "product_view", "product_detail", "product_detail_view", "detail"),
        *("item_viewed", "viewed_product", "view_product", "product_detail_viewed", "product_page_viewed"),
    ),
    "add_to_wishlist": ("product_added_to_wishlist", "wishlist", "added_to_wishlist", "wishlist_add"),
    "add_to_cart": (
        *("cart", "product_added", "product_added_to_cart", "added_to_cart", "add", "cart_add", "add_cart"),
        *("wishlist_product_added_to_cart", "add_item", "add_product", "item_added"),
    ),
    "remove_from_cart": (
        *("remove", "product_removed", "product_removed_from_cart", "removed_from_cart", "cart_remove"),
        *("remove_cart", "delete_from_cart", "item_removed"),
    ),
    "begin_checkout": (
        *("checkout", "add_shipping_info", "checkout_started", "checkout_step_completed", "checkout_step"),
        *("checkout_contact_info_submitted", "checkout_address_info_submitted", "checkout_begun"),
        *("checkout_shipping_info_submitted", "started_checkout", "initiate_checkout", "start_checkout"),
    ),
    "add_payment_info": ("payment_info_entered", "payment_info_submitted", "added_payment_info"),
    "purchase": (
        *("order_completed", "checkout_completed", "transaction", "transaction_item", "ecommerce_order"),
        *("order_placed", "placed_order", "ecommerce_purchase", "purchased", "buy", "ordered_product"),
        *("transaction_purchase", "completed_order", "order_complete", "purchase_completed"),
        "in_app_purchase",
    ),
    "refund": (
        *("order_refunded", "order_cancelled", "order_canceled", "cancelled_order", "canceled_order"),
        *("cancel_order", "refunded", "return", "returned", "product_returned", "order_returned"),
        *("item_returned", "refunded_order", "product_refunded", "return_item", "order_voided"),
    ),
    "view_promotion": (
        *("promotion_viewed", "promo_view", "banner_viewed", "promo_viewed", "content_impression"),
    ),
    "select_promotion": (
        *("promotion_clicked", "promo_click", "banner_clicked", "promo_clicked", "content_interaction"),
    ),
    "rate_item": ("product_reviewed", "rate_product", "product_rated", "review_submitted", "rating"),
    "login": ("identify", "signed_in", "logged_in", "sign_in", "user_logged_in", "log_in"),
}
#: An event of the contract, by the collapsed form of another name of it.
OTHER_EVENT_NAMES: Mapping[str, str] = {
    collapse(name): event for event, names in _OTHER.items() for name in names
}
#: What systems report of themselves, of pages and of accounts: nothing of what a visitor wants to buy.
_PASSIVE = (
    *("session_start", "first_visit", "first_open", "user_engagement", "scroll", "click", "file_download"),
    *("form_start", "form_submit", "video_start", "video_progress", "video_complete", "app_update"),
    *("app_remove", "os_update", "screen_engagement", "gtm.js", "gtm.dom", "gtm.load", "gtm.click"),
    *("gtm.link_click", "gtm.scroll_depth", "gtm.timer", "gtm.history_change", "gtm.form_submit"),
    *(
        "page_ping",
        "link_click",
        "button_click",
        "change_form",
        "focus_form",
        "submit_form",
        "group",
        "alias",
    ),
    *("application_opened", "application_installed", "application_updated", "application_backgrounded"),
    *("coupon_entered", "coupon_applied", "coupon_denied", "coupon_removed", "product_shared", "cart_shared"),
    *("order_updated", "product_removed_from_wishlist", "alert_displayed", "ui_extension_errored"),
    *("form_submitted", "input_changed", "input_focused", "input_blurred", "clicked", "outlink", "download"),
    *("campaign_details", "app_exception", "app_clear_data", "app_background", "ad_click", "ad_exposure"),
    *("ad_impression", "ad_query", "ad_reward", "adunit_exposure", "firebase_campaign", "error", "share"),
    *("notification_dismiss", "notification_foreground", "notification_open", "notification_receive"),
    *("dynamic_link_app_open", "dynamic_link_app_update", "dynamic_link_first_open", "sign_up", "ping"),
    *("goal", "dynamic_checkout_button_clicked", "signed_out", "signed_up", "trns_error"),
)
_COLLAPSED = frozenset(map(collapse, _PASSIVE))


def is_passive(name: Any) -> bool:
    """Whether an event of this name is of other systems and says nothing of shopping, as `scroll`."""
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and collapse(name) in _COLLAPSED
