"""Simulated shoppers, fitted on a log, on whom the true value of every policy is known. All figures of this
room are simulated: what shoppers do by themselves comes from the log, what actions do to them is assumed.
"""
