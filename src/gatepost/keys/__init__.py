"""The key of a data directory, and the secrets and accounts that it protects."""
