"""Certificates: those of the operator, and those of a local authority."""
