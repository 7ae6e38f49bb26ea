"""Follows logs: reads what is appended, divides it into failures, and counts their causes."""
