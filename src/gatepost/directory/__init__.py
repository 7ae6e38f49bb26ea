"""Who may sign in, and which senders each may use."""
