-- name: due_hops
-- {limit} is a number: with an argument, a tenth of the table would be planned for.
SELECT key FROM hop WHERE due <= %s AND key <> ALL(%s) ORDER BY due LIMIT {limit}
FOR UPDATE SKIP LOCKED;

-- name: take_due
-- Takes up to {share} of each next hop, and {limit} in all.
WITH picked AS MATERIALIZED (
    SELECT d.message, d.part, d.due
    FROM unnest(%s) WITH ORDINALITY AS h (key, place)
    CROSS JOIN LATERAL (
        SELECT message, part, due FROM delivery WHERE hop = h.key AND due <= %s
        ORDER BY due LIMIT {share} FOR UPDATE SKIP LOCKED
    ) AS d
    LIMIT {limit}
)
UPDATE delivery AS d SET due = NULL, node = %s, token = d.token + 1,
    taken_by = CASE WHEN d.lost_by IS NOT NULL THEN coalesce(d.taken_by, %s) END
FROM picked JOIN message AS m ON m.key = picked.message
WHERE d.message = picked.message AND d.part = picked.part
RETURNING picked.due, m.id, d.part, d.hop, d.due, d.node, d.held, d.token, d.attempts, d.warned,
    d.expires, d.notice, d.addressees, d.history, d.message, '', d.lost_by, d.lost_at, d.taken_by,
    m.received_at, m.mail_from, m.parameters, m.subject, m.message_id, m.principal, m.trace, m.size;

-- name: take_overdue
WITH picked AS MATERIALIZED (
    SELECT message, part, notice FROM delivery WHERE due IS NOT NULL AND notice <= %s
    ORDER BY notice LIMIT {limit} FOR UPDATE SKIP LOCKED
)
UPDATE delivery AS d SET due = NULL, node = %s, token = d.token + 1,
    taken_by = CASE WHEN d.lost_by IS NOT NULL THEN coalesce(d.taken_by, %s) END
FROM picked JOIN message AS m ON m.key = picked.message
WHERE d.message = picked.message AND d.part = picked.part
RETURNING picked.notice, m.id, d.part, d.hop, d.due, d.node, d.held, d.token, d.attempts, d.warned,
    d.expires, d.notice, d.addressees, d.history, d.message, '', d.lost_by, d.lost_at, d.taken_by,
    m.received_at, m.mail_from, m.parameters, m.subject, m.message_id, m.principal, m.trace, m.size;

-- name: confirm_leases
-- Which of these were leased by a transaction whose COMMIT had no answer; it writes, so that the
-- answer is durable.
UPDATE delivery AS d SET node = d.node
FROM unnest(%s, %s, %s) AS taken (message, part, token)
WHERE d.message = taken.message AND d.part = taken.part AND d.token = taken.token AND d.node = %s
RETURNING d.message, d.part;

-- name: lock_hops
SELECT 1 FROM hop WHERE key = ANY(%s) ORDER BY key FOR UPDATE;

-- name: raise_hops
-- Sets when the first delivery of these next hops is due. Their rows must have been locked before:
-- then nothing that is due earlier can be missed.
UPDATE hop SET due = first.due
FROM (
    SELECT h.key, (SELECT d.due FROM delivery AS d WHERE d.hop = h.key AND d.due IS NOT NULL
                   ORDER BY d.due LIMIT 1) AS due
    FROM unnest(%s) AS h (key)
) AS first
WHERE hop.key = first.key AND hop.due <> first.due;

-- name: delete_hops
DELETE FROM hop WHERE key = ANY(%s)
    AND NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.hop = hop.key AND d.due IS NOT NULL);

-- name: has_hops
SELECT EXISTS (SELECT 1 FROM hop);

-- name: note_look
INSERT INTO counter VALUES ('looked_at', %s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: next_due
SELECT least((SELECT due FROM hop WHERE key <> ALL(%s) ORDER BY due LIMIT 1),
             (SELECT notice FROM delivery WHERE due IS NOT NULL ORDER BY notice LIMIT 1));

-- name: hold_damaged
UPDATE delivery SET due = NULL, node = NULL, held = true WHERE message = %s AND part = %s;

-- name: settle
-- Changes nothing unless the lease is the newest. Recipients left over are held if an operator has
-- put the delivery on hold.
UPDATE delivery AS d
SET due = CASE WHEN d.held THEN NULL ELSE s.due END, node = NULL, held = d.held AND s.waits,
    attempts = s.attempts, warned = s.warned, notice = s.notice, addressees = s.addressees,
    history = s.history
FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    AS s (message, part, node, token, due, waits, attempts, warned, notice, addressees, history)
WHERE d.message = s.message AND d.part = s.part AND d.node = s.node AND d.token = s.token
RETURNING d.message, d.part, d.token, d.hop, d.due;

-- name: leases_of
SELECT d.message, d.part, d.token, d.node
FROM unnest(%s, %s) AS given (message, part)
JOIN delivery AS d ON d.message = given.message AND d.part = given.part;

-- name: move
UPDATE delivery SET hop = %s, addressees = %s WHERE message = %s AND part = %s;

-- name: part
INSERT INTO delivery (message, part, hop, due, held, token, attempts, warned, expires, notice,
                      addressees, history)
SELECT message, (SELECT max(part) + 1 FROM delivery WHERE message = d.message), %s, due, held, 0,
       attempts, warned, expires, notice, %s, history
FROM delivery AS d WHERE message = %s AND part = %s;

-- name: lock_messages
SELECT 1 FROM message WHERE key = ANY(%s) ORDER BY key FOR UPDATE;

-- name: finish_messages
-- Changes nothing while one of a message's deliveries is open.
UPDATE message AS m SET settled = over.at
FROM unnest(%s, %s) AS over (key, at)
WHERE m.key = over.key AND m.settled IS NULL AND NOT EXISTS (
    SELECT 1 FROM delivery AS d
    WHERE d.message = m.key AND (d.due IS NOT NULL OR d.node IS NOT NULL OR d.held)
);

-- name: get_message
SELECT id, received_at, mail_from, parameters, subject, message_id, principal, trace, size
FROM message WHERE id = %s;

-- name: message_place
-- The content is gone once everything is settled.
SELECT segment, key, size, checksum FROM message WHERE id = %s AND settled IS NULL;

-- name: deliveries_of
SELECT m.id, d.part, d.hop, d.due, d.node, d.held, d.token, d.attempts, d.warned, d.expires,
       d.notice, d.addressees, d.history, d.message,
       (SELECT name FROM node WHERE epoch = d.node), d.lost_by, d.lost_at, d.taken_by
FROM message AS m JOIN delivery AS d ON d.message = m.key
WHERE m.id = %s ORDER BY d.part;

-- name: list_deliveries
SELECT m.id, d.part, d.hop, d.due, d.node, d.held, d.token, d.attempts, d.warned, d.expires,
       d.notice, d.addressees, d.history, d.message,
       (SELECT name FROM node WHERE epoch = d.node), d.lost_by, d.lost_at, d.taken_by,
       m.mail_from, m.received_at
FROM delivery AS d JOIN message AS m ON m.key = d.message
WHERE d.message <= %s AND (d.message < %s OR d.part > %s)
    AND (%s OR d.due IS NOT NULL OR d.node IS NOT NULL OR d.held)
ORDER BY d.message DESC, d.part LIMIT 500;

-- name: count_deliveries
SELECT hop, count(due), count(node), count(*) FILTER (WHERE held AND node IS NULL)
FROM delivery WHERE due IS NOT NULL OR node IS NOT NULL OR held GROUP BY hop;

-- name: find_messages
SELECT m.id, d.message, d.part
FROM unnest(%s) AS given (id) JOIN message AS m ON m.id = given.id
JOIN delivery AS d ON d.message = m.key;

-- name: find_parts
SELECT d.message, d.part
FROM unnest(%s, %s) AS given (id, part) JOIN message AS m ON m.id = given.id
JOIN delivery AS d ON d.message = m.key AND d.part = given.part;

-- name: some_waiting
-- Up to 500 of the next 10,000 deliveries, and the last that was looked at: one statement must not
-- read a whole queue in which few are of the kind.
WITH following AS MATERIALIZED (
    SELECT message, part, due IS NOT NULL AS is_meant FROM delivery
    WHERE (message, part) > (%s, %s) ORDER BY message, part LIMIT 10000
)
(SELECT message, part, true FROM following WHERE is_meant ORDER BY message, part LIMIT 500)
UNION ALL (SELECT message, part, false FROM following ORDER BY message DESC, part DESC LIMIT 1);

-- name: some_leased
WITH following AS MATERIALIZED (
    SELECT message, part, node IS NOT NULL AS is_meant FROM delivery
    WHERE (message, part) > (%s, %s) ORDER BY message, part LIMIT 10000
)
(SELECT message, part, true FROM following WHERE is_meant ORDER BY message, part LIMIT 500)
UNION ALL (SELECT message, part, false FROM following ORDER BY message DESC, part DESC LIMIT 1);

-- name: some_held
WITH following AS MATERIALIZED (
    SELECT message, part, held AS is_meant FROM delivery
    WHERE (message, part) > (%s, %s) ORDER BY message, part LIMIT 10000
)
(SELECT message, part, true FROM following WHERE is_meant ORDER BY message, part LIMIT 500)
UNION ALL (SELECT message, part, false FROM following ORDER BY message DESC, part DESC LIMIT 1);

-- name: lock_deliveries
-- In the order of their keys, so that two transactions do not wait for each other.
SELECT m.id, d.part, d.hop, d.due, d.node, d.held, d.token, d.attempts, d.warned, d.expires,
       d.notice, d.addressees, d.history, d.message,
       (SELECT name FROM node WHERE epoch = d.node), d.lost_by, d.lost_at, d.taken_by
FROM unnest(%s, %s) AS given (message, part)
JOIN delivery AS d ON d.message = given.message AND d.part = given.part
JOIN message AS m ON m.key = d.message
ORDER BY d.message, d.part FOR UPDATE OF d;

-- name: hold
-- Of a node that is gone, it waits for nobody to give it back.
UPDATE delivery AS d
SET due = NULL, held = true, node = CASE WHEN d.node IN (SELECT epoch FROM node) THEN d.node END
FROM unnest(%s, %s) AS given (message, part)
WHERE d.message = given.message AND d.part = given.part;

-- name: place
UPDATE delivery AS d SET due = given.due, held = false, node = CASE WHEN given.due IS NULL THEN node END
FROM unnest(%s, %s, %s) AS given (message, part, due)
WHERE d.message = given.message AND d.part = given.part;

-- name: reroute
UPDATE delivery AS d SET hop = %s, due = given.due, node = NULL, history = given.history
FROM unnest(%s, %s, %s, %s) AS given (message, part, due, history)
WHERE d.message = given.message AND d.part = given.part;

-- name: drop
UPDATE delivery AS d
SET due = NULL, node = NULL, held = false, token = d.token + 1, addressees = given.addressees
FROM unnest(%s, %s, %s) AS given (message, part, addressees)
WHERE d.message = given.message AND d.part = given.part;

-- name: forget_messages
DELETE FROM message WHERE key IN (
    SELECT key FROM message WHERE settled < %s ORDER BY settled LIMIT 256
) RETURNING key;

-- name: forget_deliveries
DELETE FROM delivery WHERE message = ANY(%s);

-- name: settled_beyond
SELECT settled FROM message WHERE settled IS NOT NULL ORDER BY settled DESC LIMIT 1 OFFSET %s;
