"""The HTTP server that the APIs, health and metrics share."""
