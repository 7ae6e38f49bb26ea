"""SASL (RFC 4422), both sides: one mechanism, one file.

No base64, no line ends, no sockets: these belong to the protocol. Random numbers are arguments.
``mechanisms`` is the table of all, ``negotiate`` the planner.
"""
