"""Worked examples of extending Pathcast: each a patch and a test that runs in a patched copy."""
