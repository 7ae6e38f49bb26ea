"""Captured mail as inboxes show it: searched, summarised, tagged, with its codes and links."""
