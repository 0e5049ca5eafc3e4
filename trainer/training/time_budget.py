"""What a training says that its time budget ended."""

from math import ceil

from trainer.loop.options import Options

#: The longest time of a refit, as a share of the first training's.
REFIT_SHARE = 7 / 6


def ended_by_time(epochs: int, seconds: float, options: Options) -> list[str]:
    """A note if the time budget ended the training within its `epochs`-th epoch, after `seconds`."""
    if not epochs or epochs >= options.epochs or seconds < options.seconds:
        return []
    each = seconds / epochs
    whole = each * options.epochs / 60
    again = whole * REFIT_SHARE if options.refit else 0.0
    refit = f", and {again:.1f} to learn once more from all clicks" if options.refit else ""
    return [
        f"the time budget of {options.seconds / 60:g} minutes ended the training in epoch {epochs} of "
        f"{options.epochs}, {each:.1f} s each: all of them would take {whole:.1f} minutes{refit}; "
        f"--time-budget {ceil(whole + again)} gives it that time"
    ]
