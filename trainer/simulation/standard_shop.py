"""The actions of the simulated shop in tests and shows; any actions file may take their place."""

from typing import Final

from models.decisions.actions import ActionSet

#: Costs are lower than in the shipped file, since every serving costs, whether the offer is used or not.
ACTIONS: Final = """
placement = "simulated"
epsilon = 0.10

[[actions]]
name = "nothing"
kind = "none"

[[actions]]
name = "ad_bestsellers"
kind = "ad"
weight = 2.0
when = { stages = ["browsing"], max_probability = 0.10 }

[[actions]]
name = "ad_new_arrivals"
kind = "ad"
weight = 1.5
when = { stages = ["browsing", "bought"], max_probability = 0.03 }

[[actions]]
name = "ad_accessories"
kind = "ad"
weight = 3.0
when = { stages = ["cart", "bought"], min_probability = 0.10 }

[[actions]]
name = "coupon"
kind = "coupon"
weight = 5.0
when = { stages = ["cart"], max_probability = 0.50, min_cart_value = 50.0 }
cost = 1.0

[[actions]]
name = "free_shipping"
kind = "free_shipping"
weight = 4.0
when = { stages = ["cart"], min_probability = 0.10, max_probability = 0.60 }
cost = 0.6

[[actions]]
name = "nudge_checkout"
kind = "nudge"
weight = 3.5
when = { stages = ["cart"], min_probability = 0.30 }
"""


def standard_actions() -> ActionSet:
    """The actions above."""
    return ActionSet.load(ACTIONS)
