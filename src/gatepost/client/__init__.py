"""Mail handed to servers: conversations, what runs them, and connections that are kept."""
