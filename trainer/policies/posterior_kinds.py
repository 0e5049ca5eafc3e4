"""Kinds of policies that newer rewards update. It imports nothing, so that the trainer's loop stays small."""

from typing import Final

#: Kinds that later decisions update without the earlier ones.
UPDATED: Final = ("thompson", "ucb")
