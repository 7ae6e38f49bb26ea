-- Finds what a repaired store lacks: it has only those rows of the damaged one that could be read.

-- name: prepare
CREATE TEMP TABLE gone_ids (seq INTEGER PRIMARY KEY, id TEXT);
CREATE TEMP TABLE gone_captured (seq INTEGER PRIMARY KEY, id TEXT);
CREATE TEMP TABLE gone_places (
    seq INTEGER PRIMARY KEY, segment INTEGER, place INTEGER, size INTEGER
);
CREATE TEMP TABLE gone_settled (seq INTEGER PRIMARY KEY, settled INTEGER);
CREATE TEMP TABLE gone_parts (
    message INTEGER, part INTEGER, hop TEXT, PRIMARY KEY (message, part)
);
CREATE TEMP TABLE orphans (seq INTEGER PRIMARY KEY);
CREATE TEMP VIEW unsettled AS
    SELECT * FROM queue_deliveries WHERE due IS NOT NULL OR epoch IS NOT NULL OR held = 1;
-- The messages whose id is their own, not one invented for an orphan.
CREATE TEMP VIEW known AS
    SELECT seq, id, received_at FROM queue_messages WHERE id NOT LIKE 'unknown-%';

-- Record what an index of the damaged store says about a row that no table holds.

-- name: note_id
INSERT OR IGNORE INTO gone_ids
    SELECT ?2, ?1 WHERE NOT EXISTS (SELECT 1 FROM queue_messages WHERE seq = ?2);

-- name: note_captured
INSERT OR IGNORE INTO gone_captured
    SELECT ?2, ?1 WHERE NOT EXISTS (SELECT 1 FROM messages WHERE seq = ?2);

-- name: note_place
INSERT OR IGNORE INTO gone_places
    SELECT ?4, ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM queue_messages WHERE seq = ?4);

-- name: note_settled
INSERT OR IGNORE INTO gone_settled
    SELECT ?2, ?1 WHERE NOT EXISTS (SELECT 1 FROM queue_messages WHERE seq = ?2);

-- name: note_part
INSERT OR IGNORE INTO gone_parts SELECT ?1, ?2, ?3
    WHERE NOT EXISTS (SELECT 1 FROM queue_deliveries WHERE message = ?1 AND part = ?2);

-- name: note_part_of_nowhere
INSERT OR IGNORE INTO gone_parts SELECT ?1, ?2, ''
    WHERE NOT EXISTS (SELECT 1 FROM queue_deliveries WHERE message = ?1 AND part = ?2);

-- Replace missing rows, held, so that an operator decides about them.

-- The parts of a message are numbered from 0, so a gap before a part that is left shows a lost one.
-- name: parts_between
INSERT OR IGNORE INTO gone_parts
    SELECT message, part - 1, '' FROM queue_deliveries AS d WHERE part > 0
        AND NOT EXISTS (
            SELECT 1 FROM queue_deliveries WHERE message = d.message AND part = d.part - 1)
        AND EXISTS (SELECT 1 FROM unsettled WHERE message = d.message);

-- A message is settled with its last delivery: one that is not settled has lost a delivery if none
-- of those left is open.
-- name: last_parts
INSERT INTO gone_parts
    SELECT seq, coalesce((SELECT max(part) + 1 FROM queue_deliveries WHERE message = seq), 0), ''
    FROM queue_messages WHERE settled IS NULL AND seq NOT IN (SELECT message FROM gone_parts)
        AND seq NOT IN (SELECT message FROM unsettled);

-- name: insert_parts
INSERT INTO queue_deliveries (message, part, hop, held, token, expires, notice, addressees)
    SELECT message, part, hop, 1, 0, at, at, '[]' FROM (
        SELECT *, coalesce((SELECT received_at FROM queue_messages WHERE seq <= message
                            ORDER BY seq DESC LIMIT 1), 0) AS at
        FROM gone_parts WHERE message NOT IN (SELECT seq FROM gone_settled)
            AND message NOT IN (SELECT seq FROM queue_messages WHERE settled IS NOT NULL));

-- name: find_orphans
INSERT INTO orphans
    SELECT DISTINCT message FROM unsettled WHERE message NOT IN (SELECT seq FROM queue_messages);

-- name: insert_orphans
INSERT OR IGNORE INTO queue_messages (seq, id, received_at, mail_from, subject, message_id,
                                      principal, trace, size, checksum, segment, "offset")
    SELECT seq, coalesce(id, 'unknown-' || seq),
           coalesce((SELECT received_at FROM queue_messages AS m WHERE m.seq <= orphans.seq
                     ORDER BY m.seq DESC LIMIT 1), 0),
           '', '', '', '', X'', coalesce(length(content), size, 0),
           coalesce(crc32(content), crc32_there(segment, place, size), 0),
           iif(content IS NULL, segment, NULL), iif(content IS NULL, place, NULL)
    FROM orphans LEFT JOIN gone_ids USING (seq) LEFT JOIN gone_places USING (seq)
        LEFT JOIN queue_bodies USING (seq);

-- name: hold_orphans
UPDATE queue_deliveries SET due = NULL, epoch = NULL, held = 1, history = ?
    WHERE (due IS NOT NULL OR epoch IS NOT NULL OR held = 1)
        AND message IN (SELECT seq FROM orphans);

-- name: now
SELECT coalesce(max(received_at), 0) FROM queue_messages;

-- Report the losses.

-- Messages whose last deliveries may be lost, because the next message has lost rows too. This must
-- run before any row is replaced.
-- name: edges
SELECT id FROM queue_messages AS m WHERE settled IS NULL
    AND EXISTS (SELECT 1 FROM queue_deliveries WHERE message = m.seq)
    AND NOT EXISTS (SELECT 1 FROM queue_deliveries WHERE message = m.seq + 1)
    AND EXISTS (SELECT 1 FROM queue_messages WHERE seq = m.seq + 1
                UNION ALL SELECT 1 FROM gone_ids WHERE seq = m.seq + 1);

-- name: without_content
SELECT id FROM queue_messages
    WHERE settled IS NULL AND segment IS NULL AND seq NOT IN (SELECT seq FROM queue_bodies)
        AND seq IN (SELECT message FROM queue_deliveries) ORDER BY seq;

-- name: without_recipients
SELECT id FROM queue_messages WHERE settled IS NULL
    AND seq IN (SELECT message FROM gone_parts NATURAL JOIN queue_deliveries) ORDER BY seq;

-- name: without_sender
SELECT id FROM orphans NATURAL JOIN queue_messages ORDER BY seq;

-- name: gone
SELECT id FROM gone_captured WHERE id NOT IN (SELECT id FROM messages) UNION ALL
SELECT id FROM gone_ids WHERE seq NOT IN (SELECT seq FROM queue_messages)
    AND seq NOT IN (SELECT seq FROM gone_settled)
    AND seq NOT IN (SELECT message FROM queue_deliveries);

-- Gaps in the numbers of messages. Settled messages are deleted in the order they were settled, so
-- a gap is a loss, not a deletion, if its messages came in after the oldest settled one that is
-- left was settled.
-- name: gaps
WITH numbers AS (
    SELECT seq FROM known UNION SELECT seq FROM gone_ids UNION SELECT seq FROM gone_settled
    UNION SELECT message FROM queue_deliveries
        WHERE message NOT IN (SELECT seq FROM queue_messages WHERE id LIKE 'unknown-%')
), forgotten AS (
    SELECT min(settled) AS until FROM (
        SELECT settled FROM queue_messages WHERE settled IS NOT NULL
        UNION ALL SELECT settled FROM gone_settled)
), gaps AS (
    SELECT lag(seq) OVER (ORDER BY seq) AS before, seq AS behind FROM numbers
)
SELECT behind - before - 1,
       (SELECT id FROM known WHERE seq <= before ORDER BY seq DESC LIMIT 1),
       (SELECT received_at FROM known WHERE seq <= before ORDER BY seq DESC LIMIT 1) AS at,
       (SELECT id FROM known WHERE seq >= behind ORDER BY seq LIMIT 1),
       EXISTS (SELECT 1 FROM queue_messages WHERE seq = before AND settled IS NULL)
FROM gaps, forgotten WHERE behind - before > 1 AND at >= until ORDER BY behind;

-- Also used for a store without damage.
-- name: newest
SELECT * FROM (SELECT id, received_at FROM queue_messages
    WHERE id NOT LIKE 'unknown-%' ORDER BY seq DESC LIMIT 1)
UNION ALL SELECT * FROM (SELECT id, received_at FROM messages ORDER BY seq DESC LIMIT 1)
ORDER BY received_at DESC LIMIT 1;
