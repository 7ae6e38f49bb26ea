"""Kills a relay repeatedly under load, and checks whether it lost mail.

``run_crash`` is what ``gatepost bench crash`` runs.
"""
