"""Messages: what we read of them, and the fields and notifications that we write."""
