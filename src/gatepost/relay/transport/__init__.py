"""How mail leaves: the plug point, and its transports: SMTP, REST, Graph, capture."""
