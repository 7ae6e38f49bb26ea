"""Durable stores for accepted mail."""
