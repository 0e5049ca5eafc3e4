"""The committed answers of the last minutes, and those who wait for them."""
