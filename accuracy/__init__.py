"""Measures how often the doctor names the true cause first, on worked cases: ``make accuracy``."""
