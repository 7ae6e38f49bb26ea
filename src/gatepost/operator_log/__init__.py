"""What the operator reads: one line for each event."""
