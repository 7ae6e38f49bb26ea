"""The browser console: its pages, and the security of the listener that it shares with the APIs."""
