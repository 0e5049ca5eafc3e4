"""Shows in the simulated shop: `python -m tests.bench.policy_simulation --part PART`. All figures are
simulated: what shoppers do by themselves comes from the shipped log, what actions do to them is assumed.
"""
