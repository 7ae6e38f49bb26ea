"""The control socket of a relay, and the operations that commands run over it."""
