"""Training: from the event log to a promoted model version."""
