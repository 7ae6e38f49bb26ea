"""Reports about accepted mail: created behind a cursor, and sent to webhooks."""
