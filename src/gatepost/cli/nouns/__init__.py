"""The directory's commands: one noun, one file."""
