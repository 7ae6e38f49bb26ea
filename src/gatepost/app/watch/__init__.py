"""``gatepost watch``: checks upstreams on a schedule, and reports changes."""
