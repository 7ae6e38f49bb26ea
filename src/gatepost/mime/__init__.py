"""What we read of a message's header, and what we write on top of it."""
