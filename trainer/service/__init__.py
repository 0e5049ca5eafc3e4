"""The trainer as a process: it writes the event log, and learns from it again and again."""
