"""Analytics of a partition: its state, and what of it is published."""
