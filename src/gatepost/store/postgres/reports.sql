-- name: read_reportable
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM captured WHERE seq > (SELECT value FROM counter WHERE name = 'reported')
UNION ALL
SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
FROM departed WHERE seq > (SELECT value FROM counter WHERE name = 'reported')
ORDER BY seq LIMIT %s;

-- name: newest_unread
SELECT max(value) FROM counter WHERE name IN ('reported', 'captured');

-- name: read_about
SELECT * FROM (
    SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
    FROM captured WHERE seq > (SELECT value FROM counter WHERE name = 'reported')
    UNION ALL
    SELECT seq, id, received_at, mail_from, rcpt_to, subject, message_id, size, principal
    FROM departed WHERE seq > (SELECT value FROM counter WHERE name = 'reported')
) AS unread
WHERE seq <= %s AND rcpt_to ILIKE %s ORDER BY seq LIMIT %s;

-- name: set_reported
UPDATE counter SET value = greatest(value, %s) WHERE name = 'reported';

-- name: forget_departed
DELETE FROM departed WHERE seq <= %s;

-- name: insert_report
INSERT INTO report (id, type, message, resource, subject, at, data)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING number;

-- name: insert_report_deliveries
INSERT INTO report_delivery (subscription, report, published_at, due)
SELECT subscription, report, at, at FROM unnest(%s, %s, %s) AS new (subscription, report, at);

-- name: number_of_report
SELECT number FROM report WHERE id = %s;

-- name: deliver_again
INSERT INTO report_delivery (subscription, report, published_at, due)
SELECT subscription, report, at, at FROM unnest(%s, %s, %s) AS new (subscription, report, at)
ON CONFLICT (subscription, report)
DO UPDATE SET published_at = excluded.published_at, due = excluded.due, attempts = 0,
    last_at = NULL, outcome = '', dead = '';

-- name: put_period
INSERT INTO suppressed_period (address, level, since, until) VALUES (%s, %s, %s, %s)
ON CONFLICT (address)
DO UPDATE SET level = excluded.level, since = excluded.since, until = excluded.until;

-- name: list_periods
SELECT address, level, since, until FROM suppressed_period ORDER BY address;

-- name: delete_periods
DELETE FROM suppressed_period WHERE address = ANY(%s);

-- name: delete_all_periods
DELETE FROM suppressed_period;

-- name: list_reports
SELECT id, type, message, resource, subject, at, data FROM report ORDER BY number DESC LIMIT %s;

-- name: list_reports_of
SELECT id, type, message, resource, subject, at, data FROM report
WHERE message = %s ORDER BY number DESC LIMIT %s;

-- name: due_reports
SELECT r.number, d.attempts, d.published_at,
       r.id, r.type, r.message, r.resource, r.subject, r.at, r.data
FROM report_delivery AS d JOIN report AS r ON r.number = d.report
WHERE d.subscription = %s AND d.dead = '' AND d.due <= %s ORDER BY d.due, d.report LIMIT %s;

-- name: next_due_report
SELECT min(due) FROM report_delivery WHERE subscription = %s AND dead = '' AND due > %s;

-- name: report_delivered
DELETE FROM report_delivery WHERE report = %s AND subscription = %s;

-- name: report_failed
UPDATE report_delivery
SET attempts = attempts + 1, last_at = %s, due = coalesce(%s, due), outcome = %s, dead = %s
WHERE report = %s AND subscription = %s;

-- name: report_backlog
SELECT count(*) FILTER (WHERE dead = ''), count(*) FILTER (WHERE dead <> '')
FROM report_delivery WHERE subscription = %s;

-- name: last_failure
SELECT outcome FROM report_delivery WHERE subscription = %s AND last_at IS NOT NULL
ORDER BY last_at DESC LIMIT 1;

-- name: dead_letters
SELECT d.attempts, d.dead, d.outcome, d.published_at, d.last_at,
       r.id, r.type, r.message, r.resource, r.subject, r.at, r.data
FROM report_delivery AS d JOIN report AS r ON r.number = d.report
WHERE d.subscription = %s AND d.dead <> '' ORDER BY d.report DESC;

-- name: unsubscribe
DELETE FROM report_delivery WHERE subscription = ANY(%s);

-- name: subscribed
SELECT DISTINCT subscription FROM report_delivery ORDER BY subscription;

-- name: expire_reports
DELETE FROM report WHERE number IN (
    SELECT r.number FROM report AS r
    WHERE (r.at < %s OR r.number <= (SELECT max(number) FROM report) - %s)
      AND NOT EXISTS (SELECT 1 FROM report_delivery AS d WHERE d.report = r.number AND d.dead = '')
    ORDER BY r.number LIMIT 1000
) RETURNING number;

-- name: delete_report_deliveries
DELETE FROM report_delivery WHERE report = ANY(%s);
