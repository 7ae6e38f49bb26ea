"""Upstreams over time: snapshots, their differences, and metrics.

Pure: ``app.watch`` decides when to check, and where snapshots are stored.
"""
