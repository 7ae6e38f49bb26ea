"""Where mail goes, and what happens to it: pure decisions."""
