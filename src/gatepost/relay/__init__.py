"""Mail received and mail delivered: every connection in, every try out."""
