"""Upstreams over time: checks, snapshots, their differences, and metrics.

``app.watch`` decides when to check.
"""
