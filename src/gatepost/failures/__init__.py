"""Scripted failures: what a rule says, when it applies, and what then happens to a client.

Rules come from the API, from a file or from the command line. Everything here is a function of
facts, counters, time and numbers; ``relay`` does what is decided.
"""
