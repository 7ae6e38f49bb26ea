"""From what was seen to why it does not work: rules, findings and cures, without I/O."""
