"""A host and a port as one text."""


def bracketed(host: str) -> str:
    """Return a host as it is written before ``:PORT``: an IPv6 address in brackets (RFC 3986
    3.2.2)."""
    return f"[{host}]" if ":" in host else host


def join_host_port(host: str, port: int) -> str:
    """Return ``HOST:PORT``."""
    return f"{bracketed(host)}:{port}"
