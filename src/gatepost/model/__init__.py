"""Words that all of Gatepost shares: frozen dataclasses that import nothing of ours."""
