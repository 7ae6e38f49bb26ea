"""Gatepost's own API, ``/api/gatepost/v1``: what the command line does, over HTTP."""
