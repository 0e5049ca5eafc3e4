"""Collection: events of any known form, written to `clicks` before they are acknowledged."""
