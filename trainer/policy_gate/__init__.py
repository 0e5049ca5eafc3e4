"""The policy gate: whether a new policy may serve, from logged decisions alone."""
