"""What Microsoft Entra says, in plain words: names, error codes, tokens. Pure."""
