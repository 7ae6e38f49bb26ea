"""Upstreams over time: what was seen of one, what is different now, what a monitor is told.

Pure: who looks, and when, and where snapshots lie, is the affair of ``app.watch``.
"""
