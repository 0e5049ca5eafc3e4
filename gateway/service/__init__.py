"""Wiring of the gateway: its parts, its application, its server."""
