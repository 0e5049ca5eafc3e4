"""The policy runs of the trainer, as commands start them: what is read and trained, the gate, promotion."""
