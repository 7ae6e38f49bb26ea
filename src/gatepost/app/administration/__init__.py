"""What the command line asks of the directory: by names, answered with plain documents."""
