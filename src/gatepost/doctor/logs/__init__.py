"""Reads pasted logs of any program."""
