"""Wiring: the command line, the local broker, the demo."""
