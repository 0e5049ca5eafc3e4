"""The other process: from the event log to a promoted model."""
