-- name: insert_captured
-- The counter's row is locked until the commit: so messages become visible in the order of seq, and
-- a consumer behind a cursor misses none.
WITH taken AS (
    UPDATE counter SET value = value + %s WHERE name = 'captured' RETURNING value - %s AS before
)
INSERT INTO captured (seq, key, id, received_at, mail_from, rcpt_to, parameters, subject,
                      message_id, principal, trace, size, checksum, segment)
SELECT taken.before + new.place, key, id, received_at, mail_from, rcpt_to, parameters, subject,
       message_id, principal, trace, size, checksum, %s
FROM taken, unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) WITH ORDINALITY
    AS new (key, id, received_at, mail_from, rcpt_to, parameters, subject, message_id, principal,
            trace, size, checksum, place)
ORDER BY new.place;

-- name: insert_messages
INSERT INTO message (key, id, received_at, mail_from, parameters, subject, message_id, principal,
                     trace, size, checksum, segment)
SELECT key, id, received_at, mail_from, parameters, subject, message_id, principal, trace, size,
       checksum, %s
FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    AS new (key, id, received_at, mail_from, parameters, subject, message_id, principal, trace,
            size, checksum);

-- name: insert_deliveries
INSERT INTO delivery (message, part, hop, due, node, token, expires, notice, addressees)
SELECT message, part, hop, due, node, token, expires, notice, addressees
FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s)
    AS new (message, part, hop, due, node, token, expires, notice, addressees);

-- name: lower_hops
-- Locks the row of a next hop even if it stays as it is, so that no lease raises it meanwhile.
INSERT INTO hop (key, due)
SELECT key, min(due) FROM unnest(%s, %s) AS new (key, due) GROUP BY key ORDER BY key
ON CONFLICT (key) DO UPDATE SET due = excluded.due WHERE excluded.due < hop.due;

-- name: captured_keys
SELECT key FROM captured WHERE id = ANY(%s) AND key = ANY(%s);

-- name: message_keys
-- Of those that are there; and whether a node has their first lease.
SELECT key, (SELECT count(*) FROM delivery WHERE message = key AND node = %s AND token = 1) > 0
FROM message WHERE key = ANY(%s);

-- name: take_back_messages
-- Of messages whose client got no 250, although they were committed.
DELETE FROM message WHERE key = ANY(%s);

-- name: take_back_deliveries
DELETE FROM delivery WHERE message = ANY(%s);

-- name: list_captured
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM captured WHERE seq < %s ORDER BY seq DESC LIMIT 500;

-- name: get_captured
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM captured WHERE id = %s;

-- name: get_trace
SELECT trace FROM captured WHERE id = %s;

-- name: captured_place
SELECT segment, key, size, checksum FROM captured WHERE id = %s;

-- name: newest_captured
SELECT id FROM captured ORDER BY seq DESC LIMIT 1;

-- name: count_captured
SELECT count(*), coalesce(sum(size), 0)::bigint FROM captured;

-- name: newest_seq
SELECT value FROM counter WHERE name = 'captured';

-- name: oldest_captured
SELECT seq, received_at, size FROM captured ORDER BY seq LIMIT 256;

-- name: oldest_seqs
SELECT seq FROM captured WHERE seq <= %s ORDER BY seq LIMIT 256;

-- name: captured_seqs
SELECT seq FROM captured WHERE id = ANY(%s);

-- name: keep_departed
INSERT INTO departed
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM captured
WHERE seq = ANY(%s) AND seq > (SELECT value FROM counter WHERE name = 'reported')
ON CONFLICT DO NOTHING;

-- name: delete_records_of_captured
DELETE FROM record USING captured
WHERE record.kind = 'message' AND record.id = captured.id AND captured.seq = ANY(%s);

-- name: delete_captured
DELETE FROM captured WHERE seq = ANY(%s);

-- name: delete_entries
DELETE FROM mailbox WHERE seq = ANY(%s);

-- name: delete_contents
DELETE FROM mailbox_contents WHERE seq = ANY(%s);
