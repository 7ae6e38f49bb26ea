"""Configuration files of mail clients: read as their framework does, but never executed."""
