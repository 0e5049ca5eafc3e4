"""Feedback: outcomes of decisions and recommendations, joined in the visitor's state, and the reward."""
