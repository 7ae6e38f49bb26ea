-- name: insert_operation
INSERT INTO operations (id, resource, started_at, request, sender, message_id, tracking_disabled,
                        error_code, error_message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: get_operation
SELECT id, resource, started_at, request, sender, message_id, tracking_disabled, error_code,
       error_message
FROM operations WHERE id = ?;

-- name: has_message_id
SELECT EXISTS (SELECT 1 FROM operations WHERE message_id = ? AND message_id <> '');

-- name: expire_operations
-- Keeps every operation that is not older than the oldest message still stored.
DELETE FROM operations WHERE id IN (
    SELECT id FROM operations
    WHERE started_at < min(?, coalesce((SELECT received_at FROM messages ORDER BY seq LIMIT 1),
                                       9223372036854775807))
    ORDER BY started_at LIMIT ?
);
