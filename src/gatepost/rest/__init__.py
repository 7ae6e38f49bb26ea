"""The HTTP APIs of Gatepost."""
