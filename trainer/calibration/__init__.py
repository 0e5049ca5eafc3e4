"""Calibration followed live: published purchase probabilities beside what their sessions then did."""
