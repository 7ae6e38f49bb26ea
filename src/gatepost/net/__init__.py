"""The only package with sockets and TLS: streams, listeners, names, and the few HTTP requests."""
