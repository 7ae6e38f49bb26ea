"""Measures speed and memory in comparison with other servers, on this machine, in one run.

Absolute numbers differ more between machines than between servers, so the result is the ratio to
another server, measured in turn within minutes, with the same load generator (``smtpload/``). Runs
are interleaved and medians compared. Everything stays on loopback. Run ``make bench``.
"""
