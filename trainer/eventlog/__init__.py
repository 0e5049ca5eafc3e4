"""The event log: what was clicked and answered, from Kafka to Parquet files that can be learned from."""
