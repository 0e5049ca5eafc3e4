"""Options that are numbers within a range, NaN excluded."""

from math import isnan
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """As `click.FloatRange`, which takes NaN because it compares as neither too small nor too large."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises BadParameter."""
        found = super().convert(value, param, ctx)
        if isnan(found):
            wanted = self._describe_range()
            self.fail(f"{value} is no number; expected one in the range {wanted}.", param, ctx)
        return found
