"""The tools of ``gatepost mcp``: what an assistant may ask, and what it is told.

Secrets are removed before anything is returned. Only ``server`` imports the ``mcp`` package.
"""
