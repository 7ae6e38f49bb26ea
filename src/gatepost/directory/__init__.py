"""Who may sign in, and who may send what."""
