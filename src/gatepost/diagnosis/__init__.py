"""From what was seen to why it does not work: rules, findings and fixes, without I/O."""
