-- name: read_on
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM messages WHERE seq > max(?, (SELECT value FROM counters WHERE name = 'indexed'))
    AND NOT EXISTS (SELECT 1 FROM mailbox WHERE mailbox.seq = messages.seq)
ORDER BY seq LIMIT ?;

-- name: newest
SELECT max((SELECT coalesce(max(seq), 0) FROM messages),
           (SELECT value FROM counters WHERE name = 'indexed'));

-- name: get_cursor
SELECT value FROM counters WHERE name = 'indexed';

-- name: set_cursor
UPDATE counters SET value = max(value, ?) WHERE name = 'indexed';

-- name: insert_entry
INSERT OR IGNORE INTO mailbox
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18
WHERE EXISTS (SELECT 1 FROM messages WHERE seq = ?1);

-- name: insert_contents
INSERT OR IGNORE INTO mailbox_contents
SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM mailbox WHERE seq = ?1);

-- name: list
SELECT seq, (SELECT id FROM messages WHERE messages.seq = mailbox.seq),
       received_at, size, is_read, tags, lane,
       (SELECT summary FROM mailbox_contents AS c WHERE c.seq = mailbox.seq)
FROM mailbox ORDER BY seq DESC LIMIT ? OFFSET ?;

-- name: list_some
SELECT seq, (SELECT id FROM messages WHERE messages.seq = mailbox.seq),
       received_at, size, is_read, tags, lane,
       (SELECT summary FROM mailbox_contents AS c WHERE c.seq = mailbox.seq)
FROM mailbox WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC;

-- name: matches
-- In any order: then SQLite can use a narrow index.
SELECT seq, is_read FROM mailbox WHERE {terms};

-- name: extent
SELECT coalesce((SELECT min(seq) FROM mailbox), 1), coalesce((SELECT max(seq) FROM mailbox), 0);

-- name: count
SELECT count(*), coalesce(sum(is_read = 0), 0) FROM mailbox WHERE {terms};

-- name: ids
SELECT seq, (SELECT id FROM messages WHERE messages.seq = mailbox.seq)
FROM mailbox WHERE {terms} ORDER BY seq DESC;

-- name: ids_to_mark
SELECT seq, (SELECT id FROM messages WHERE messages.seq = mailbox.seq)
FROM mailbox WHERE is_read = ? AND {terms} ORDER BY seq DESC;

-- name: mark
UPDATE mailbox SET is_read = ? WHERE seq = ?;

-- name: set_tags
UPDATE mailbox SET tags = ? WHERE seq = (SELECT seq FROM messages WHERE id = ?);

-- name: tagged
SELECT seq, (SELECT id FROM messages WHERE messages.seq = mailbox.seq), tags
FROM mailbox WHERE tags <> '' AND {terms} ORDER BY seq DESC;

-- name: tag
UPDATE mailbox SET tags = ? WHERE seq = ?;

-- name: tags
SELECT tags, count(*) FROM mailbox WHERE tags <> '' AND {terms} GROUP BY tags;

-- name: inboxes
SELECT 'application', application, count(*), sum(is_read = 0), max(received_at)
FROM mailbox WHERE application <> '' GROUP BY application
UNION ALL
SELECT 'lane', lane, count(*), sum(is_read = 0), max(received_at)
FROM mailbox WHERE lane <> '' GROUP BY lane
UNION ALL
SELECT 'username', username, count(*), sum(is_read = 0), max(received_at)
FROM mailbox WHERE username <> '' GROUP BY username
ORDER BY 1, 2;

-- name: delete_entry
DELETE FROM mailbox WHERE seq = ?;

-- name: delete_contents
DELETE FROM mailbox_contents WHERE seq = ?;
