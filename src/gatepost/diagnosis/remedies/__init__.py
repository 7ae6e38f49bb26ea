"""Fixes for each library: a page for each, all with the same topics."""
