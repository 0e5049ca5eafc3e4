"""Synthetic visits of people and of bots, to judge the session risk.

A visit is written as its events with the seconds between them.
"""

from typing import Final

#: Parts that several visits share.
_PIECES: Final = {
    "TABS": "view_item 1.4 view_item 0.9 view_item 2.2 view_item 1.1 view_item 1.8 view_item",
    "READ": "view_item 35 view_item 48 view_item 22",
    "ORDER": "begin_checkout 40 add_payment_info 55 purchase",
}


def _visits(text: str) -> dict[str, str]:
    """Visits by name, from lines `name: visit`; an indented line continues the line before."""
    for name, piece in _PIECES.items():
        text = text.replace(name, piece)
    return dict(line.split(": ") for line in text.replace("\n    ", " ").strip().splitlines())


def _again(text: str, times: int) -> str:
    return " ".join([text] * times)


PEOPLE: Final = _visits("""
one page: page_view
a look: page_view 9 view_item
even steps: page_view 20 search 20 view_item 20 add_to_cart 20 begin_checkout 20 purchase
even and quick: page_view 10 search 10 view_item 10 view_item 10 add_to_cart 10 begin_checkout 10
    purchase
quick buy: page_view 6 search 5 view_item 14 add_to_cart 4 begin_checkout 25 add_payment_info 18
    purchase
back to buy again: page_view 5 login 9 view_item 6 add_to_cart 3 ORDER
long reading: page_view 30 READ READ READ READ READ READ READ view_item
search and search: search 7 search 9 search 6 view_item_list 12 search 8 view_item 33 search 11 search 5
    view_item
typing, searched as one types: page_view 8 search 1.2 search 0.9 search 1.6 search 14 view_item 40
    add_to_cart
filters of a list: view_item_list 6 view_item_list 4 view_item_list 7 view_item_list 3 view_item_list 16
    select_item 5 view_item
next page, next page: view_item_list 9 view_item_list 8 view_item_list 11 view_item_list 7
    view_item_list 9 view_item_list 20 view_item
tabs: page_view 11 search 8 view_item_list 7 TABS 45 READ add_to_cart
tabs at once: view_item_list 12 TABS 60 view_item 25 view_item
tabs twice: search 9 view_item_list 10 TABS 50 READ search 8 view_item_list 9 TABS 41 READ add_to_cart
comparing: view_item 18 view_item 9 view_item 12 view_item 6 view_item 15 view_item 7 view_item 28
    view_item 9 add_to_cart
to and fro: view_item_list 5 view_item 9 view_item_list 4 view_item 12 view_item_list 3 view_item 21
    view_item_list 6 view_item 30 add_to_wishlist
two tags a page: page_view 0.04 view_item 21 page_view 0.05 view_item 13 page_view 0.03 view_item 44
    page_view 0.05 view_item
four tags a page: page_view 0.01 view_item_list 0.02 view_promotion 0.04 view_promotion 17 page_view
    0.03 view_item 0.02 view_promotion 0.01 view_promotion 26 page_view 0.02 add_to_cart
slow tags: page_view 0.3 view_item 24 page_view 0.25 view_item 37 page_view 0.4 view_item 19 page_view
    0.3 view_item 28 page_view
five lines of an order: view_item 30 add_to_cart 25 ORDER 0.003 purchase 0.002 purchase 0.004 purchase
    0.002 purchase
an order at one moment: view_item 30 add_to_cart 25 ORDER 0 purchase 0 purchase 0 purchase 0 purchase 0
    purchase 0 purchase
lines sent one by one: view_item 30 add_to_cart 25 ORDER 0.2 purchase 0.2 purchase 0.3 purchase
all into the cart: view_item 40 add_to_cart 0.01 add_to_cart 0.02 add_to_cart 0.01 add_to_cart 22
    begin_checkout
list of supplies: search 12 add_to_cart 15 search 9 add_to_cart 11 search 14 add_to_cart 8 search 21
    add_to_cart 13 begin_checkout 30 purchase
cart put in order: page_view 9 add_to_cart 12 remove_from_cart 3 remove_from_cart 2.5 remove_from_cart 8
    add_to_cart 19 begin_checkout
checkout given up: view_item 26 add_to_cart 9 begin_checkout 31 begin_checkout 12 add_payment_info 45
    begin_checkout
a form that failed: begin_checkout 25 add_payment_info 9 add_payment_info 11 add_payment_info 16
    purchase
returning: page_view 12 view_item 40 view_item 7200 view_item 20 add_to_cart 86400 login 8 ORDER
rating: login 12 page_view 9 rate_item 31 page_view 6 rate_item 22 page_view 8 rate_item 17 page_view
stars in a row: login 10 page_view 15 rate_item 3 rate_item 2.4 rate_item 4 rate_item 2.8 rate_item 9
    page_view
password forgotten: login 7 login 9 login 6 login 20 page_view 11 view_item
promotions: page_view 0.05 view_promotion 8 select_promotion 0.4 page_view 13 view_item 9
    select_promotion 22 view_item 40 add_to_cart
a slow phone: page_view 45 search 70 view_item 120 view_item 95 view_item 240 add_to_cart 160
    begin_checkout 300 purchase
a slow reader: page_view 400 view_item 900 view_item 700 view_item 1200 view_item 600 view_item 1500
    add_to_cart 1100 purchase
refund: login 15 page_view 24 refund 9 page_view 30 view_item
refund of three lines: login 11 page_view 20 refund 0.01 refund 0.01 refund 14 page_view
wish list: view_item 14 add_to_wishlist 9 view_item 12 add_to_wishlist 7 view_item 16 add_to_wishlist 5
    page_view 25 add_to_cart
lively: page_view 3 select_promotion 5 view_item 12 view_item 4 view_item_list 2 view_item 18 view_item
    6 view_item 3 add_to_cart 9 page_view 5 view_item 25 add_to_cart 7 begin_checkout
double clicks: page_view 14 view_item 0.3 view_item 22 add_to_cart 0.4 add_to_cart 17 begin_checkout 0.3
    begin_checkout 40 purchase
reloading: page_view 8 page_view 3 page_view 2 page_view 2 page_view 25 view_item 18 view_item
every event: page_view 12 login 15 search 9 view_item_list 7 select_item 2 view_item 31 add_to_wishlist
    10 view_promotion 6 select_promotion 14 add_to_cart 8 remove_from_cart 12 add_to_cart 9
    begin_checkout 35 add_payment_info 40 purchase 60 rate_item 25 refund
""")

#: People with tag managers, scrolling lists and quick fingers: several events within a second, repeatedly.
BURSTS: Final = {
    "three slow tags a page": _again("page_view 0.3 view_item_list 0.3 view_promotion 25", 15),
    "three quick tags a page": _again("page_view 0.15 view_item 0.25 view_item_list 40", 8),
    "seven slow tags a page": _again(f"page_view 0.6 {_again('view_promotion 0.6', 5)} view_item 30", 3),
    "twelve promotions scrolled by": f"page_view 0.3 {_again('view_promotion 0.2', 12)} view_item 30 "
    "add_to_cart 20 purchase",
    "promotions scrolled by, three pages": _again(
        f"page_view 0.3 {_again('view_promotion 0.5', 10)} view_item 30", 3
    )
    + " add_to_cart",
    "two tags, pages of five seconds": _again("page_view 0.4 view_item 5", 3) + " page_view 0.4 view_item",
    "ten searches as one types": f"page_view 8 {_again('search 0.6', 10)} view_item 20 add_to_cart",
    "ten into the cart, one a second": f"page_view 20 {_again('add_to_cart 1', 10)} begin_checkout 30 "
    "purchase",
    "quantities": f"view_item 20 {_again('add_to_cart 0.5', 8)} begin_checkout 30 purchase",
    "cart emptied": f"page_view 10 {_again('remove_from_cart 1.2', 6)} begin_checkout 30 purchase",
    "lines of a long order": f"begin_checkout 30 {_again('purchase 0.01', 24)} page_view",
    "ten lines sent one by one": f"begin_checkout 20 {_again('purchase 0.2', 10)} page_view",
}


#: Bots; each continues for more clicks than the risk counts.
MACHINES: Final = {
    "item pages, one a second": _again("view_item 1", 60),
    "item pages, one in three seconds": _again("view_item 3.3", 60),
    "200 views a minute": _again("view_item 0.3", 200),
    "searches": _again("search 0.8", 60),
    "cart stuffing": _again("add_to_cart 0.6", 60),
    "prices of lists": _again("view_item_list 1.5 view_item 1.5", 40),
    "promotion clicks": _again("select_promotion 0.9", 60),
    "logins": _again("login 0.5", 60),
    "checkouts": _again("add_to_cart 0.7 begin_checkout 0.9 add_payment_info 1.2 purchase 0.8", 15),
    "storm of pages": _again("page_view 0.05", 300),
    "pages with two tags": _again("page_view 0.03 view_item 0.9", 60),
    "uneven scraper": _again("view_item 0.4 view_item 2.5 view_item 1.1 view_item 0.7 view_item 1.9", 12),
    "ratings": _again("rate_item 1", 60),
    "item pages, 20 a second": _again("view_item 0.05", 100),
    "item pages, ten a second": _again("view_item 0.1", 100),
    "a hundred pages every minute": _again(f"{_again('view_item 0.05', 99)} view_item 60", 9)
    + " "
    + _again("view_item 0.05", 99)
    + " view_item",
    "three tags a page, a page in three seconds": _again(
        "page_view 0.3 view_item 0.3 view_promotion 2.6", 20
    ),
}
#: People who behave like bots and are classified as bots.
MISTAKEN: Final = {
    "20 pages of a list, scrolled": _again("view_item_list 2", 20) + " select_item 10 view_item",
    "15 items in 3 to 7 s": _again("view_item 3 view_item 5 view_item 4 view_item 6 view_item 3.5", 3),
}
#: Bots that are not distinguished from people, because they are as slow.
PATIENT: Final = {
    "item pages, one in ten seconds": _again("view_item 10", 60),
    "19 pages every ten seconds": _again(f"{_again('view_item 0.1', 18)} view_item 10", 10)
    + " "
    + _again("view_item 0.1", 18)
    + " view_item",
    "item pages, one in 20 to 40 seconds": _again("view_item 20 view_item 40 view_item 30", 20),
}
