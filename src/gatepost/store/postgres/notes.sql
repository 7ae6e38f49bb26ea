-- name: find_notes
SELECT key, value FROM note WHERE scope = %s AND key = ANY(%s);

-- name: list_notes
SELECT key, value, until FROM note WHERE scope = %s ORDER BY n LIMIT %s;

-- name: delete_notes
DELETE FROM note WHERE scope = %s AND key = ANY(%s);

-- name: put_notes
INSERT INTO note (scope, key, value, until)
SELECT * FROM unnest(%s, %s, %s, %s)
ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value, until = excluded.until, n = DEFAULT;

-- name: end_notes
DELETE FROM note WHERE n IN (SELECT n FROM note WHERE until < %s ORDER BY until LIMIT {limit});

-- name: drop_surplus_notes
DELETE FROM note WHERE n IN (
    SELECT n FROM note WHERE until < %s ORDER BY n
    LIMIT (SELECT greatest(0, least({limit}, count(*) - %s)) FROM note WHERE until < %s)
);
