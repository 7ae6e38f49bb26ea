"""SASL (RFC 4422), both sides: one mechanism, one file.

No base64 of the protocol's own, no line ends, no sockets; randomness is an argument.
``mechanisms`` is the table of all, ``negotiate`` the planner.
"""
