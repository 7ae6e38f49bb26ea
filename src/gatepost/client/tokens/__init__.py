"""Access tokens for signing in upstream: where they come from, and one cache in front."""
