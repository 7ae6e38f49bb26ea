-- name: find_note
SELECT value FROM notes WHERE scope = ? AND key = ?;

-- name: put_note
INSERT OR REPLACE INTO notes (scope, key, value, until) VALUES (?, ?, ?, ?);

-- name: ended_notes
DELETE FROM notes WHERE n IN (SELECT n FROM notes WHERE until < ? ORDER BY until LIMIT ?);

-- name: surplus_notes
DELETE FROM notes WHERE n IN (
    SELECT n FROM notes WHERE n <= (SELECT coalesce(max(n), 0) FROM notes) - ? AND until < ?
    ORDER BY n LIMIT ?
);
