"""The worker: Faust in chunks, one transaction per partition and chunk."""
