"""Who may send what, in the words of Azure: tenants, applications, roles, resources, domains."""
