"""The terms that all of Gatepost shares: frozen dataclasses without imports of our other
packages."""
