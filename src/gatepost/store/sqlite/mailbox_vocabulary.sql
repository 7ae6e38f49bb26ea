-- name: list_vocabularies
SELECT block, words FROM mailbox_vocabulary WHERE block BETWEEN ? AND ? ORDER BY block DESC;

-- name: missing_block
-- From block to block, newest first: the last one is not complete before the cursor has passed it.
WITH RECURSIVE blocks (block) AS (
    SELECT (SELECT max(seq) FROM mailbox
            WHERE seq < ((SELECT value FROM counters WHERE name = 'indexed') + 1) >> 8 << 8) >> 8
    UNION ALL
    SELECT (SELECT max(seq) FROM mailbox WHERE seq < block << 8) >> 8
    FROM blocks WHERE block IS NOT NULL
)
SELECT block FROM blocks
WHERE block IS NOT NULL AND block NOT IN (SELECT block FROM mailbox_vocabulary) LIMIT 1;

-- name: texts
SELECT sender, recipients, cc, bcc, reply_to, subject, message_id, keys,
       (SELECT words FROM mailbox_contents AS c WHERE c.seq = mailbox.seq)
FROM mailbox WHERE seq BETWEEN ? AND ?;

-- name: insert_vocabulary
-- Unless entries of the block were deleted since they were read.
INSERT OR REPLACE INTO mailbox_vocabulary
SELECT ?1, ?3
WHERE (SELECT count(*) FROM mailbox WHERE seq BETWEEN ?1 << 8 AND ?1 << 8 | 255) = ?2;

-- name: delete_vocabulary
DELETE FROM mailbox_vocabulary WHERE block = ?;
