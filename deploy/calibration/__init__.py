"""Calibration followed live, as the trainer starts it."""
