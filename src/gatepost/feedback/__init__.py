"""What comes back about relayed mail: webhooks of providers, and bounces."""
