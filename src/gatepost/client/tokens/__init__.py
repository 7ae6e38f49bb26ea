"""Access tokens for upstream servers: their sources, and one cache."""
