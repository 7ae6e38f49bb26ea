"""Sending mail to servers: conversations, drivers that run them, and connection pools."""
