-- name: insert_message
INSERT INTO messages (seq, id, received_at, mail_from, rcpt_to, parameters, subject, message_id,
                      principal, trace, size, checksum, segment, "offset")
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_body
INSERT INTO bodies (seq, content) VALUES (?, ?);

-- name: list_before
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM messages WHERE seq < ? ORDER BY seq DESC LIMIT ?;

-- name: get_message
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM messages WHERE id = ?;

-- name: get_trace
SELECT trace FROM messages WHERE id = ?;

-- name: get_body
SELECT m.segment, m."offset", m.size, m.checksum, b.content
FROM messages AS m LEFT JOIN bodies AS b USING (seq) WHERE m.id = ?;

-- name: newest_id
SELECT id FROM messages ORDER BY seq DESC LIMIT 1;

-- name: newest_seq
-- A seq that a consumer has passed must not come again.
SELECT max((SELECT coalesce(max(seq), 0) FROM messages), (SELECT coalesce(max(seq), 0) FROM departed),
           (SELECT max(value) FROM counters WHERE name IN ('reported', 'indexed')));

-- name: newest_queued
SELECT coalesce(max(seq), 0) FROM queue_messages;

-- name: oldest
SELECT seq, received_at, size FROM messages ORDER BY seq LIMIT ?;

-- name: find_seq
SELECT seq, size FROM messages WHERE id = ?;

-- name: delete_record_of_message
DELETE FROM records WHERE kind = 'message' AND id = (SELECT id FROM messages WHERE seq = ?);

-- name: delete_message
DELETE FROM messages WHERE seq = ?;

-- name: delete_body
DELETE FROM bodies WHERE seq = ?;

-- name: next_epoch
UPDATE counters SET value = value + 1 WHERE name = 'epoch';

-- name: next_generation
INSERT INTO counters VALUES ('generation', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1;

-- name: list_counters
SELECT name, value FROM counters;

-- name: get_counter
SELECT value FROM counters WHERE name = ?;

-- name: set_counter
UPDATE counters SET value = ? WHERE name = ?;

-- name: load_records
SELECT kind, id, fields FROM records ORDER BY kind, id;

-- name: put_record
INSERT OR REPLACE INTO records (kind, id, fields) VALUES (?, ?, ?);

-- name: delete_record
DELETE FROM records WHERE kind = ? AND id = ?;

-- name: last_place
WITH places AS (
    SELECT segment, max("offset" + size) AS last FROM messages
    WHERE segment = (SELECT max(segment) FROM messages WHERE segment IS NOT NULL)
    UNION ALL
    SELECT segment, max("offset" + size) FROM queue_messages
    WHERE segment = (SELECT max(segment) FROM queue_messages WHERE segment IS NOT NULL)
)
SELECT segment, max(last) FROM places WHERE segment = (SELECT max(segment) FROM places);

-- name: live_octets
SELECT segment, sum(size) FROM messages WHERE segment IS NOT NULL GROUP BY segment
UNION ALL
SELECT segment, sum(size) FROM queue_messages WHERE segment IS NOT NULL GROUP BY segment;

-- name: live_places
SELECT seq, segment, "offset", size, checksum FROM (
    SELECT seq, segment, "offset", size, checksum FROM messages
    UNION ALL
    SELECT seq, segment, "offset", size, checksum FROM queue_messages
) WHERE segment = ?;

-- name: move_queued_body
UPDATE queue_messages SET segment = ?, "offset" = ?
WHERE seq = ? AND segment = ? AND "offset" = ?;

-- name: move_body
UPDATE messages SET segment = ?, "offset" = ? WHERE seq = ? AND segment = ? AND "offset" = ?;
