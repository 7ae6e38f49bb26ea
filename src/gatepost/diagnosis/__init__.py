"""Finds causes in evidence: rules, findings and fixes, without I/O."""
