"""One module per pathcast subcommand."""
