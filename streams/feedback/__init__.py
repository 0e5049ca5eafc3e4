"""The feedback join of a chunk: decisions are kept, and published with their outcomes when they close."""
