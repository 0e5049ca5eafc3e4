"""The demo: every part of Pathcast on one machine, real clicks through it, and a live view of the answers."""
