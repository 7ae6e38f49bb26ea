"""Mistakes in the settings of a mail client."""
