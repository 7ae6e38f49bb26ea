"""The operations of the command line on the directory: called by name, answered with plain
documents."""
