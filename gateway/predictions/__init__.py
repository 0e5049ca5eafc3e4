"""Answers to events that are not stored: the workers' pipeline over a state that is thrown away."""
