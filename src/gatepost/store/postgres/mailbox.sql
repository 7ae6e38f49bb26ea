-- name: read_unindexed
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM captured AS c WHERE seq > (SELECT value FROM counter WHERE name = 'indexed') AND seq > %s
    AND NOT EXISTS (SELECT 1 FROM mailbox AS m WHERE m.seq = c.seq)
ORDER BY seq LIMIT %s;

-- name: set_indexed
UPDATE counter SET value = greatest(value, %s) WHERE name = 'indexed';

-- name: insert_entry
INSERT INTO mailbox
SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
WHERE EXISTS (SELECT 1 FROM captured WHERE seq = %s) ON CONFLICT DO NOTHING;

-- name: insert_contents
INSERT INTO mailbox_contents SELECT seq, %s, %s FROM mailbox WHERE seq = %s
ON CONFLICT DO NOTHING;

-- name: list_entries
SELECT m.seq, c.id, m.received_at, m.size, m.is_read, m.tags, m.lane,
       (SELECT t.summary FROM mailbox_contents AS t WHERE t.seq = m.seq)
FROM mailbox AS m JOIN captured AS c ON c.seq = m.seq
WHERE {terms} ORDER BY m.seq DESC LIMIT %s OFFSET %s;

-- name: count_entries
SELECT count(*), count(*) FILTER (WHERE NOT m.is_read) FROM mailbox AS m WHERE {terms};

-- name: entry_ids
SELECT m.seq, c.id FROM mailbox AS m JOIN captured AS c ON c.seq = m.seq
WHERE {terms} ORDER BY m.seq DESC;

-- name: entry_tags
SELECT m.seq, c.id, m.tags FROM mailbox AS m JOIN captured AS c ON c.seq = m.seq
WHERE {terms} ORDER BY m.seq DESC;

-- name: mark_entries
UPDATE mailbox SET is_read = %s WHERE seq = ANY(%s);

-- name: set_tags
UPDATE mailbox AS m SET tags = %s FROM captured AS c
WHERE c.id = ANY(%s) AND m.seq = c.seq RETURNING c.id;

-- name: replace_tag
UPDATE mailbox SET tags = %s WHERE seq = %s;

-- name: count_tags
SELECT tag, count(*) FROM mailbox AS m, unnest(m.tags) AS tag WHERE {terms} GROUP BY tag;

-- name: inboxes
SELECT kind, name, count(*), count(*) FILTER (WHERE NOT is_read), max(received_at)
FROM mailbox AS m, LATERAL (
    VALUES ('application', application), ('lane', lane), ('username', username)
) AS inbox (kind, name)
WHERE name <> '' GROUP BY kind, name ORDER BY kind, name COLLATE "C";
