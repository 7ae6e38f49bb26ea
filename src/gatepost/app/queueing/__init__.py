"""What an operator asks of the queue."""
