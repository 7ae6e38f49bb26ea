"""Where mail goes: pure decisions."""
