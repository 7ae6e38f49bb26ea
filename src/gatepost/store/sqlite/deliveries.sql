-- name: insert_message
INSERT INTO queue_messages (seq, id, received_at, mail_from, parameters, subject, message_id,
                            principal, trace, size, checksum, segment, "offset")
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_body
INSERT INTO queue_bodies (seq, content) VALUES (?, ?);

-- name: insert_delivery
INSERT INTO queue_deliveries (message, part, hop, due, epoch, token, expires, notice, addressees)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: has_message
SELECT 1 FROM queue_messages WHERE id = ?;

-- name: due_hops
SELECT key, due FROM queue_hops WHERE due <= ? ORDER BY due;

-- name: all_hops
SELECT key, due FROM queue_hops ORDER BY due;

-- name: has_hops
SELECT EXISTS (SELECT 1 FROM queue_hops);

-- name: note_look
INSERT INTO counters VALUES ('looked_at', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: due_of_hop
SELECT message, part FROM queue_deliveries
WHERE hop = ? AND due <= ? ORDER BY due LIMIT ? OFFSET ?;

-- name: overdue
SELECT message, part FROM queue_deliveries
WHERE due IS NOT NULL AND notice <= ? ORDER BY notice LIMIT ?;

-- name: first_notice
SELECT min(notice) FROM queue_deliveries WHERE due IS NOT NULL;

-- name: first_due_of_hop
SELECT min(due) FROM queue_deliveries WHERE hop = ? AND due IS NOT NULL;

-- name: put_hop
INSERT OR REPLACE INTO queue_hops (key, due) VALUES (?, ?);

-- name: delete_hop
DELETE FROM queue_hops WHERE key = ?;

-- name: take
UPDATE queue_deliveries SET due = NULL, epoch = ?, token = token + 1
WHERE message = ? AND part = ?;

-- name: get_delivery
SELECT m.id, d.part, d.hop, d.due, d.epoch, d.held, d.token, d.attempts, d.warned, d.expires,
       d.notice, d.addressees, d.history, m.seq
FROM queue_deliveries AS d JOIN queue_messages AS m ON m.seq = d.message
WHERE d.message = ? AND d.part = ?;

-- name: deliveries_of
-- A look-up by id joins ``i``, the entry of the index, with ``m``, the row itself, and compares the
-- ids: a damaged index may lead to another message.
SELECT m.id, d.part, d.hop, d.due, d.epoch, d.held, d.token, d.attempts, d.warned, d.expires,
       d.notice, d.addressees, d.history, m.seq
FROM queue_messages AS i JOIN queue_messages AS m ON m.seq = i.seq AND +m.id = i.id
JOIN queue_deliveries AS d ON d.message = m.seq
WHERE i.id = ? ORDER BY d.part;

-- name: list_before
SELECT m.id, d.part, d.hop, d.due, d.epoch, d.held, d.token, d.attempts, d.warned, d.expires,
       d.notice, d.addressees, d.history, m.seq, m.mail_from, m.received_at
FROM queue_deliveries AS d JOIN queue_messages AS m ON m.seq = d.message
WHERE (d.message, -d.part) < (?, ?) AND ? IN ('', d.hop)
    AND (? OR d.due IS NOT NULL OR d.epoch IS NOT NULL OR d.held = 1) AND (? OR d.held = 1)
ORDER BY d.message DESC, d.part LIMIT ?;

-- name: has_unindexed
-- Used for an id that the index does not have: the index may be damaged.
SELECT 1 FROM queue_messages NOT INDEXED WHERE id = ?;

-- name: get_epoch
SELECT epoch FROM queue_deliveries WHERE message = ? AND part = ?;

-- name: settle
-- Changes nothing unless the lease is the newest. Recipients left over are held if an operator has
-- put the delivery on hold.
UPDATE queue_deliveries
SET due = CASE WHEN held = 1 THEN NULL ELSE ? END, epoch = NULL, held = held AND ?,
    attempts = ?, warned = ?, notice = ?, addressees = ?, history = ?
WHERE message = ? AND part = ? AND epoch = ? AND token = ?;

-- name: move
UPDATE queue_deliveries SET hop = ?, addressees = ? WHERE message = ? AND part = ?;

-- name: part
INSERT INTO queue_deliveries (message, part, hop, due, held, token, attempts, warned, expires,
                              notice, addressees, history)
SELECT message, (SELECT max(part) + 1 FROM queue_deliveries WHERE message = d.message), ?, due,
       held, 0, attempts, warned, expires, notice, ?, history
FROM queue_deliveries AS d WHERE message = ? AND part = ?;

-- name: finish_message
-- Changes nothing while one of the message's deliveries is open.
UPDATE queue_messages SET settled = ?, segment = NULL, "offset" = NULL
WHERE seq = ? AND NOT EXISTS (
    SELECT 1 FROM queue_deliveries
    WHERE message = seq AND (due IS NOT NULL OR epoch IS NOT NULL OR held = 1)
);

-- name: delete_body
DELETE FROM queue_bodies
WHERE seq = (SELECT seq FROM queue_messages WHERE seq = ? AND settled IS NOT NULL);

-- name: get_message
SELECT m.seq, m.id, m.received_at, m.mail_from, m.parameters, m.subject, m.message_id, m.principal,
       m.trace, m.size
FROM queue_messages AS i JOIN queue_messages AS m ON m.seq = i.seq AND +m.id = i.id
WHERE i.id = ?;

-- name: get_message_by_seq
SELECT seq, id, received_at, mail_from, parameters, subject, message_id, principal, trace, size
FROM queue_messages WHERE seq = ?;

-- name: get_body
SELECT m.segment, m."offset", m.size, m.checksum, b.content
FROM queue_messages AS i JOIN queue_messages AS m ON m.seq = i.seq AND +m.id = i.id
LEFT JOIN queue_bodies AS b ON b.seq = m.seq WHERE i.id = ?;

-- name: stale_hops
SELECT DISTINCT hop FROM queue_deliveries WHERE epoch IS NOT NULL AND held = 0;

-- name: give_back_held
UPDATE queue_deliveries SET epoch = NULL WHERE epoch IS NOT NULL AND held = 1;

-- name: give_back
UPDATE queue_deliveries SET epoch = NULL, due = ? WHERE epoch IS NOT NULL AND held = 0;

-- name: count_waiting
SELECT hop, count(*) FROM queue_deliveries WHERE due IS NOT NULL GROUP BY hop;

-- name: count_leased
SELECT hop, count(*) FROM queue_deliveries WHERE epoch IS NOT NULL GROUP BY hop;

-- name: count_held
SELECT hop, count(*) FROM queue_deliveries WHERE held = 1 AND epoch IS NULL GROUP BY hop;

-- name: some_waiting
SELECT message, part FROM queue_deliveries
WHERE due IS NOT NULL AND (message, part) > (?, ?) ORDER BY message, part LIMIT ?;

-- name: some_leased
SELECT message, part FROM queue_deliveries INDEXED BY queue_deliveries_leased
WHERE epoch IS NOT NULL AND (message, part) > (?, ?) ORDER BY message, part LIMIT ?;

-- name: some_held
SELECT message, part FROM queue_deliveries INDEXED BY queue_deliveries_held
WHERE held = 1 AND (message, part) > (?, ?) ORDER BY message, part LIMIT ?;

-- name: find_part
SELECT d.message, d.part
FROM queue_messages AS i JOIN queue_messages AS m ON m.seq = i.seq AND +m.id = i.id
JOIN queue_deliveries AS d ON d.message = m.seq
WHERE i.id = ? AND d.part = ?;

-- name: find_parts
SELECT d.message, d.part
FROM queue_messages AS i JOIN queue_messages AS m ON m.seq = i.seq AND +m.id = i.id
JOIN queue_deliveries AS d ON d.message = m.seq
WHERE i.id = ? ORDER BY d.part;

-- name: retry_some
-- These three act on a batch of waiting, waiting or leased, and held deliveries.
UPDATE queue_deliveries SET due = ?
WHERE (message, part) > (?, ?) AND (message, part) <= (?, ?)
    AND due IS NOT NULL;

-- name: hold_some
UPDATE queue_deliveries SET due = NULL, held = 1
WHERE (message, part) > (?, ?) AND (message, part) <= (?, ?)
    AND (due IS NOT NULL OR epoch IS NOT NULL) AND held = 0;

-- name: release_some
UPDATE queue_deliveries SET due = CASE WHEN epoch IS ? THEN NULL ELSE ? END, held = 0
WHERE (message, part) > (?, ?) AND (message, part) <= (?, ?)
    AND held = 1;

-- name: hops_of_some
SELECT hop FROM queue_deliveries
WHERE (message, part) > (?, ?) AND (message, part) <= (?, ?);

-- name: set_place
UPDATE queue_deliveries SET due = ?, held = ? WHERE message = ? AND part = ?;

-- name: hold_damaged
UPDATE queue_deliveries SET due = NULL, epoch = NULL, held = 1 WHERE message = ? AND part = ?;

-- name: reroute
UPDATE queue_deliveries SET hop = ?, due = ?, epoch = NULL, history = ?
WHERE message = ? AND part = ?;

-- name: drop
UPDATE queue_deliveries
SET due = NULL, epoch = NULL, held = 0, token = token + 1, addressees = ?
WHERE message = ? AND part = ?;

-- name: forgotten
SELECT seq FROM queue_messages WHERE settled < ? ORDER BY settled LIMIT ?;

-- name: delete_message
DELETE FROM queue_messages WHERE seq = ?;

-- name: delete_deliveries
DELETE FROM queue_deliveries WHERE message = ?;

-- name: settled_beyond
SELECT settled FROM queue_messages WHERE settled IS NOT NULL
ORDER BY settled DESC LIMIT 1 OFFSET ?;
