-- name: find_note
SELECT value FROM notes WHERE scope = ? AND key = ?;

-- name: list_notes
SELECT key, value, until FROM notes WHERE scope = ? ORDER BY n LIMIT ?;

-- name: delete_note
DELETE FROM notes WHERE scope = ? AND key = ?;

-- name: put_note
INSERT OR REPLACE INTO notes (scope, key, value, until) VALUES (?, ?, ?, ?);

-- name: ended_notes
DELETE FROM notes WHERE n IN (SELECT n FROM notes WHERE until < ? ORDER BY until LIMIT ?);

-- name: surplus_notes
DELETE FROM notes WHERE n IN (
    SELECT n FROM notes WHERE until < ?1 ORDER BY n
    LIMIT (SELECT max(0, min(count(*) - ?2, ?3)) FROM notes WHERE until < ?1)
);
