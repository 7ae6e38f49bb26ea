"""What becomes of accepted mail: reports made behind a cursor, and sent to webhooks."""
