"""Speed and memory beside real peers, on this machine, in one run: ``make bench``.

Absolute numbers differ between machines by far more than servers differ from one another, so what
counts is the ratio to a peer that was measured in turn, minutes apart at most, with the same load
generator (``smtpload/``). Runs are interleaved and medians compared. Everything stays on loopback.
"""
