"""The dashboard: pages of live figures, made of the topics, for people."""
