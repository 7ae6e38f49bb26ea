-- name: fence
-- Fails unless the node has its row: the rest of the pipeline is skipped then.
WITH own AS (UPDATE writer SET groups = groups + 1 WHERE epoch = %s AND n = %s RETURNING 1)
SELECT 1 / count(*) FROM own;

-- name: others
SELECT name, beat FROM node WHERE name <> %s;

-- name: end_connections
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE application_name = current_setting('application_name') AND usename = current_user
    AND datname = current_database() AND pid <> pg_backend_pid();

-- name: fence_others
DELETE FROM node;

-- name: delete_node
DELETE FROM node WHERE epoch = %s;

-- name: insert_node
INSERT INTO node (epoch, name, program) VALUES (%s, %s, %s);

-- name: insert_writers
INSERT INTO writer (epoch, n) SELECT %s, generate_series(1, %s);

-- name: beat
UPDATE node SET beat = beat + 1 WHERE epoch = %s;

-- name: next_epoch
UPDATE counter
SET value = greatest(value + 1,
                     floor(extract(epoch FROM clock_timestamp() - '2026-01-01 00:00:00Z'))::bigint)
WHERE name = 'epoch' RETURNING value;

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
SELECT n, kind FROM segment ORDER BY n;

-- name: open_segment
SELECT n FROM segment WHERE kind = %s AND open ORDER BY n DESC LIMIT 1;

-- name: insert_segment
-- No number comes again: a message may still name a segment that was dropped.
WITH next AS (UPDATE counter SET value = value + 1 WHERE name = 'segment' RETURNING value)
INSERT INTO segment (n, kind) SELECT value, %s FROM next RETURNING n;

-- name: close_segments
UPDATE segment SET open = false WHERE n = ANY(%s) AND open;

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
