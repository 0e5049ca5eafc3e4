"""The allocator of budgets as a process, and what is known of budgets."""
