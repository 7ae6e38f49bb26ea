"""Gatepost's own API of captured mail: inboxes, lanes, messages and their parts."""

from gatepost.rest.inboxes.face import inboxes_face

__all__ = ["inboxes_face"]
