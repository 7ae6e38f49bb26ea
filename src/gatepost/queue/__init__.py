"""When and how much to deliver: pure decisions, and what a store promises about queued mail."""
