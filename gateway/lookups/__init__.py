"""Look-ups: visitors by the worker that has them, items and versions by the version in use."""
