"""A relay that is killed again and again under load, and the books that tell whether it lost mail.

``run_crash`` is what ``gatepost bench crash`` runs.
"""
