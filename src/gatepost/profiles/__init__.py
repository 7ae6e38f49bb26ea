"""Providers as data: one TOML file each, every value with its source and date."""

from gatepost.profiles.load import available_profiles, known_providers, load_profile, pod_name

__all__ = ["available_profiles", "known_providers", "load_profile", "pod_name"]
