"""Where mail goes, and what becomes of it: pure decisions."""
