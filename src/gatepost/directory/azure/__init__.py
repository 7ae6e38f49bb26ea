"""Permissions to send, with Azure's terms: tenants, applications, roles, resources, domains."""
