"""The event log: clicks and answers from Kafka, kept as Parquet files to learn from."""
