"""Who may reach the console's listener, and as whom: hosts, origins, tickets, logins, roles."""
