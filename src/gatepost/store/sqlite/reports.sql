-- name: read_on
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM messages WHERE seq > (SELECT value FROM counters WHERE name = 'reported')
UNION ALL
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM departed WHERE seq > (SELECT value FROM counters WHERE name = 'reported')
ORDER BY seq LIMIT ?;

-- name: newest_unread
SELECT max((SELECT value FROM counters WHERE name = 'reported'),
           (SELECT coalesce(max(seq), 0) FROM messages),
           (SELECT coalesce(max(seq), 0) FROM departed));

-- name: read_about
SELECT * FROM (
    SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
    FROM messages WHERE seq > (SELECT value FROM counters WHERE name = 'reported')
    UNION ALL
    SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
    FROM departed WHERE seq > (SELECT value FROM counters WHERE name = 'reported')
)
WHERE seq <= ? AND rcpt_to LIKE ? ORDER BY seq LIMIT ?;

-- name: get_cursor
SELECT value FROM counters WHERE name = 'reported';

-- name: set_cursor
UPDATE counters SET value = ? WHERE name = 'reported';

-- name: keep_departed
INSERT OR IGNORE INTO departed
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM messages WHERE seq = ?;

-- name: forget_departed
DELETE FROM departed WHERE seq <= ?;

-- name: insert_report
INSERT OR IGNORE INTO reports (id, type, message, resource, subject, at, data)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: insert_delivery
INSERT INTO deliveries (subscription, report, published_at, due) VALUES (?, ?, ?, ?);

-- name: number_of
SELECT number FROM reports WHERE id = ?;

-- name: deliver_again
INSERT OR REPLACE INTO deliveries (subscription, report, published_at, due) VALUES (?, ?, ?, ?);

-- name: put_lease
INSERT OR REPLACE INTO leases (address, level, since, until) VALUES (?, ?, ?, ?);

-- name: list_leases
SELECT address, level, since, until FROM leases ORDER BY address;

-- name: delete_lease
DELETE FROM leases WHERE address = ?;

-- name: delete_leases
DELETE FROM leases;

-- name: list_reports
SELECT id, type, message, resource, subject, at, data FROM reports ORDER BY number DESC LIMIT ?;

-- name: list_reports_of
SELECT id, type, message, resource, subject, at, data FROM reports
WHERE message = ? ORDER BY number DESC LIMIT ?;

-- name: due
SELECT r.number, d.attempts, d.published_at,
       r.id, r.type, r.message, r.resource, r.subject, r.at, r.data
FROM deliveries AS d JOIN reports AS r ON r.number = d.report
WHERE d.subscription = ? AND d.dead = '' AND d.due <= ? ORDER BY d.due, d.report LIMIT ?;

-- name: next_due
SELECT min(due) FROM deliveries WHERE subscription = ? AND dead = '' AND due > ?;

-- name: delivered
DELETE FROM deliveries WHERE report = ? AND subscription = ?;

-- name: failed
UPDATE deliveries SET attempts = attempts + 1, last_at = ?, due = coalesce(?, due), outcome = ?,
                      dead = ?
WHERE report = ? AND subscription = ?;

-- name: backlog
SELECT coalesce(sum(dead = ''), 0), coalesce(sum(dead <> ''), 0)
FROM deliveries WHERE subscription = ?;

-- name: last_failure
SELECT outcome FROM deliveries WHERE subscription = ? AND last_at IS NOT NULL
ORDER BY last_at DESC LIMIT 1;

-- name: dead_letters
SELECT d.attempts, d.dead, d.outcome, d.published_at, d.last_at,
       r.id, r.type, r.message, r.resource, r.subject, r.at, r.data
FROM deliveries AS d JOIN reports AS r ON r.number = d.report
WHERE d.subscription = ? AND d.dead <> '' ORDER BY d.report DESC;

-- name: unsubscribe
DELETE FROM deliveries WHERE subscription = ?;

-- name: subscribed
SELECT DISTINCT subscription FROM deliveries ORDER BY subscription;

-- name: expired
SELECT number FROM reports
WHERE (at < ? OR number <= (SELECT max(number) FROM reports) - ?)
  AND NOT EXISTS (SELECT 1 FROM deliveries WHERE report = number AND dead = '')
ORDER BY number LIMIT ?;

-- name: delete_report
DELETE FROM reports WHERE number = ?;

-- name: delete_deliveries
DELETE FROM deliveries WHERE report = ?;
