"""The server's side of a session: commands, states, events, replies."""
