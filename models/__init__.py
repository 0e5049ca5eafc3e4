"""The functional core: contract, state, features, network, decisions. No Kafka, no clock, no network."""
