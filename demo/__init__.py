"""The founding story, told on real sockets: run it with ``make demo``."""
