"""Durable stores: what was accepted survives."""
