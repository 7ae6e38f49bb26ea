"""Servers that each have one thing the matter with them: what is, and whom it hits, in a file."""
