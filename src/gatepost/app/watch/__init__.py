"""``gatepost watch``: upstreams looked at on a schedule, and what is different from last time."""
