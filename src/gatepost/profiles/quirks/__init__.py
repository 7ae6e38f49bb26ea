"""Servers with one fault each: what it is, and which clients it affects, in a file."""
