"""A session between a client and its server, watched on its way, and what it shows of the client.

``tap`` takes octets and needs no connection; ``session`` carries them between two.
"""
