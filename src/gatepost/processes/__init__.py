"""Front processes, what they reach over the control socket, and the process of an event loop."""
