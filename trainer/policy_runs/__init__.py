"""Runs that train policies: what they read, how they are made, and when one is due."""
