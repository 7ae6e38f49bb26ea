"""The part of Microsoft Graph that creates applications, their credentials and service principals,
and sends mail.

https://learn.microsoft.com/graph/api/overview (v1.0). Names in a path may have any case.
"""

from gatepost.rest.graph.dispatch import routes

__all__ = ["routes"]
