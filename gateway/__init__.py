"""The gateway: events, answers and look-ups over HTTP."""
