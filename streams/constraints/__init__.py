"""What a worker withholds before a policy chooses: limits of the actions file, and budgets."""
