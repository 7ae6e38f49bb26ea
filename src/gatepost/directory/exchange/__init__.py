"""An organisation of Exchange Online: mailboxes, and who may send as them."""
