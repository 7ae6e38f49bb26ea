"""Messages: what we read from them, and the fields and notifications that we write."""
