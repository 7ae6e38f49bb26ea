-- name: get_counter
SELECT value FROM counter WHERE name = %s;

-- name: load_records
SELECT kind, id, fields FROM record ORDER BY kind, id;

-- name: put_records
INSERT INTO record (kind, id, fields)
SELECT DISTINCT ON (kind, id) kind, id, fields
FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS new (kind, id, fields, place)
ORDER BY kind, id, place DESC
ON CONFLICT (kind, id) DO UPDATE SET fields = excluded.fields;

-- name: delete_records
DELETE FROM record USING unnest(%s::text[], %s::text[]) AS old (kind, id)
WHERE record.kind = old.kind AND record.id = old.id;

-- name: segments
-- Those that no other node writes to.
SELECT n, kind FROM segment
WHERE NOT open OR node IS NULL OR node = %s OR node NOT IN (SELECT epoch FROM node) ORDER BY n;

-- name: adopt_segment
-- One that a node has left that is gone.
UPDATE segment SET node = %s WHERE n = (
    SELECT n FROM segment
    WHERE kind = %s AND open AND (node IS NULL OR node NOT IN (SELECT epoch FROM node))
    ORDER BY n DESC LIMIT 1
) RETURNING n;

-- name: insert_segment
-- No number comes again: a message may still name a segment that was dropped.
WITH next AS (UPDATE counter SET value = value + 1 WHERE name = 'segment' RETURNING value)
INSERT INTO segment (n, kind, node) SELECT value, %s, %s FROM next RETURNING n;

-- name: close_segment
-- Unless another node writes to it.
UPDATE segment SET open = false
WHERE n = %s AND (
    NOT open OR node IS NULL OR node = %s OR node NOT IN (SELECT epoch FROM node)
) RETURNING n;

-- name: has_live
-- Whether a message needs its content in a segment.
SELECT EXISTS (SELECT 1 FROM captured WHERE segment = %s)
    OR EXISTS (SELECT 1 FROM message WHERE segment = %s AND settled IS NULL);

-- name: close_segments
-- Unless another node writes to one: in an older copy of the database, numbers come again.
UPDATE segment SET open = false
WHERE n = ANY(%s) AND open
    AND (node IS NULL OR node = %s OR node NOT IN (SELECT epoch FROM node));

-- name: delete_segment
DELETE FROM segment WHERE n = %s;

-- name: live_segments
-- How many octets of each segment belong to messages whose body may still be read.
SELECT segment, sum(size)::bigint FROM (
    SELECT segment, size FROM captured
    UNION ALL
    SELECT segment, size FROM message WHERE settled IS NULL
) AS live GROUP BY segment;

-- name: insert_operation
INSERT INTO operation (id, resource, started_at, request, sender, message_id, tracking_disabled,
                       error_code, error_message)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: get_operation
SELECT id, resource, started_at, request, sender, message_id, tracking_disabled, error_code,
       error_message
FROM operation WHERE id = %s;

-- name: has_message_id
SELECT EXISTS (SELECT 1 FROM operation WHERE message_id = %s AND message_id <> '');

-- name: expire_operations
-- Keeps every operation that is not older than the oldest message still stored.
DELETE FROM operation WHERE id IN (
    SELECT id FROM operation
    WHERE started_at < least(%s, (SELECT received_at FROM captured ORDER BY seq LIMIT 1))
    ORDER BY started_at LIMIT 1000
);
