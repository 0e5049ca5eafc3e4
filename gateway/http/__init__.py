"""What every route of the gateway needs: tokens, limits, errors, log, metrics."""
