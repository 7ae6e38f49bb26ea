"""The operator's operations on the queue."""
