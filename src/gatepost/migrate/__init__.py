"""The way out of Azure Communication Services: reads what is there, and writes what replaces it."""
