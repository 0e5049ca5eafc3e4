"""The root of Pathcast's exceptions: each message says what was found, what was expected, what to do."""


class PathcastError(Exception):
    """A failure that is explained in one line: the command line prints it and exits with 1."""
