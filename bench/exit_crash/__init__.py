"""Kills a relay that has the place of ACS, under load by REST and SMTP, with four ways out.

``python -m bench.exit_crash`` runs it; it shares its parts with ``gatepost bench crash``.
"""
