"""Counts over all visitors of a partition: what is collected, folded, published and merged."""
