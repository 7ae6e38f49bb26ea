-- Which words the messages of a block have: what a search need not read.

CREATE TABLE mailbox_vocabulary (
    block INTEGER PRIMARY KEY,        -- mailbox.seq >> 8
    words BLOB NOT NULL               -- folded, UTF-8, each once, a line for each
);
