"""What Gatepost answers over HTTP."""
