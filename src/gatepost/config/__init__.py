"""The configuration of ``gatepost serve``: one TOML file, read, checked and explained."""
