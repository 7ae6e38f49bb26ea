"""Records a session between a client and its server, and what it shows about the client.

``tap`` takes octets and needs no connection; ``session`` forwards them between two.
"""
