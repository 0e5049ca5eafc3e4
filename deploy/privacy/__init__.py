"""A visitor's right to be forgotten: where they are known, how each place forgets, and the proof of it."""
