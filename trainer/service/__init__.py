"""`pathcast trainer`: a process that writes the event log and trains from it repeatedly."""
