"""A demonstration on real sockets: a client that supports only PLAIN. Run it with ``make demo``."""
