"""What may be offered at all: flights and budgets, audiences, hold-out, visitors not to be targeted."""
