"""One connection received, and all of them supervised."""
