"""The directory's commands: one file per kind of object."""
