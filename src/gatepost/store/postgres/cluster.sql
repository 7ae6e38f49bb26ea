-- name: fence
-- Fails unless the node has its row: the rest of the pipeline is skipped then.
WITH own AS (UPDATE writer SET groups = groups + 1 WHERE epoch = %s AND n = %s RETURNING 1)
SELECT 1 / count(*) FROM own;

-- name: end_connections
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE application_name = %s AND usename = current_user AND datname = current_database()
    AND pid <> pg_backend_pid();

-- name: next_epoch
UPDATE counter
SET value = greatest(value + 1, %s + 1,
                     floor(extract(epoch FROM clock_timestamp() - '2026-01-01 00:00:00Z'))::bigint)
WHERE name = 'epoch' RETURNING value;

-- name: holder
-- Who has a name.
SELECT epoch, beat, coalesce(dead_after, %s), is_visitor, host, directory, place, started
FROM node WHERE name = %s;

-- name: remove_node
-- Unless it has shown meanwhile that it lives.
WITH gone AS (
    DELETE FROM node WHERE epoch = %s AND beat = coalesce(%s, beat) RETURNING epoch, name
)
INSERT INTO lost_node (epoch, name, was_fenced, at) SELECT epoch, name, false, %s FROM gone
ON CONFLICT DO NOTHING;

-- name: leave
-- A command has leased nothing.
WITH gone AS (DELETE FROM node WHERE epoch = %s RETURNING epoch, name, is_visitor)
INSERT INTO lost_node (epoch, name, was_fenced, at)
SELECT epoch, name, false, %s FROM gone WHERE NOT is_visitor
ON CONFLICT DO NOTHING;

-- name: fence_node
-- Unless it has shown meanwhile that it lives.
WITH gone AS (DELETE FROM node WHERE epoch = %s AND beat = %s RETURNING epoch, name)
INSERT INTO lost_node (epoch, name, was_fenced, at) SELECT epoch, name, true, %s FROM gone
ON CONFLICT DO NOTHING;

-- name: look_for_orphans
-- Of several nodes, the first one has looked for them.
INSERT INTO lost_node (epoch, name, was_fenced, at)
SELECT 0, '', false, %s
WHERE NOT EXISTS (SELECT 1 FROM node WHERE epoch <> %s AND NOT is_visitor)
ON CONFLICT DO NOTHING;

-- name: insert_node
INSERT INTO node (epoch, name, program, schema, host, directory, place, started, dead_after,
                  is_visitor, draining, seen)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp());

-- name: insert_writers
INSERT INTO writer (epoch, n) SELECT %s, generate_series(1, %s);

-- name: beat
UPDATE node SET beat = beat + 1, seen = clock_timestamp(), status = %s WHERE epoch = %s
RETURNING extract(epoch FROM clock_timestamp())::float8;

-- name: epoch_of
SELECT (SELECT epoch FROM node WHERE name = %s),
       (SELECT value FROM counter WHERE name = 'epoch');

-- name: groups
SELECT coalesce(sum(groups), 0)::bigint FROM writer WHERE epoch = %s;

-- name: has_relay
-- Whether a relay with a name has shown lately that it lives.
SELECT EXISTS (
    SELECT 1 FROM node WHERE name = %s
        AND clock_timestamp() < seen + make_interval(secs => coalesce(dead_after, %s))
);

-- name: look
SELECT epoch, name, beat, coalesce(dead_after, %s), draining FROM node;

-- name: has_lost
SELECT EXISTS (SELECT 1 FROM lost_node);

-- name: is_lost
SELECT EXISTS (SELECT 1 FROM lost_node WHERE name = %s);

-- name: next_lost
-- Whose leases are looked for next, where, and in how many pages.
SELECT epoch, name, was_fenced, at, page, leases,
       pg_relation_size('delivery') / current_setting('block_size')::bigint
FROM lost_node ORDER BY epoch = 0, epoch LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: give_back
-- What a node had leased, in some pages of the table: an index would cost more than this for each
-- delivery. The token changes, so that nobody takes this for a settlement.
UPDATE delivery
SET node = NULL, token = token + 1, due = CASE WHEN held THEN NULL ELSE %s END, lost_by = %s,
    lost_at = %s, taken_by = NULL
WHERE ctid >= %s::tid AND ctid < %s::tid AND node = %s
RETURNING hop, due;

-- name: note_orphans
-- Leases of nodes that are gone without a trace; there are none, unless somebody has changed the
-- database by hand.
INSERT INTO lost_node (epoch, name, was_fenced, at)
SELECT DISTINCT node, '', false, %s FROM delivery
WHERE ctid >= %s::tid AND ctid < %s::tid AND node IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM node AS n WHERE n.epoch = delivery.node)
ON CONFLICT DO NOTHING;

-- name: note_page
UPDATE lost_node SET page = %s, leases = %s WHERE epoch = %s;

-- name: forget_lost
DELETE FROM lost_node WHERE epoch = %s;

-- name: contracted
-- The newest migration that has taken something away.
SELECT coalesce(max(number), 0) FROM migration WHERE contracted IS NOT NULL;

-- name: set_contracted
UPDATE migration SET contracted = now() WHERE number = %s;

-- name: oldest_known
-- The oldest version of the tables that a node knows.
SELECT coalesce(min(schema), 0) FROM node;

-- name: nodes
-- Every delivery is read once.
WITH leased AS MATERIALIZED (
    SELECT node, count(*) AS number FROM delivery WHERE node IS NOT NULL GROUP BY node
)
SELECT n.epoch, n.name, n.program, n.draining, n.status,
       greatest(0, extract(epoch FROM clock_timestamp() - n.seen))::float8,
       n.dead_after, coalesce((SELECT number FROM leased WHERE node = n.epoch), 0)
FROM node AS n WHERE NOT n.is_visitor ORDER BY n.name;

-- name: drain
UPDATE node SET draining = true WHERE name = %s;

-- name: repair_hops
-- The earliest time of every next hop for which something waits: missing hints are inserted, and
-- late ones lowered. One index entry is read for each next hop.
WITH RECURSIVE first (hop, due) AS (
    (SELECT hop, due FROM delivery WHERE due IS NOT NULL ORDER BY hop, due LIMIT 1)
    UNION ALL
    SELECT following.hop, following.due
    FROM first CROSS JOIN LATERAL (
        SELECT hop, due FROM delivery WHERE due IS NOT NULL AND hop > first.hop
        ORDER BY hop, due LIMIT 1
    ) AS following
)
INSERT INTO hop (key, due) SELECT hop, due FROM first ORDER BY hop
ON CONFLICT (key) DO UPDATE SET due = excluded.due WHERE excluded.due < hop.due;

-- name: ask_node
INSERT INTO question (epoch, operation, fields)
SELECT epoch, %s, %s FROM node WHERE name = %s RETURNING n;

-- name: ask_others
-- Those that have shown lately that they live; no commands.
INSERT INTO question (epoch, operation, fields)
SELECT epoch, %s, %s FROM node
WHERE epoch <> %s AND NOT is_visitor
    AND clock_timestamp() < seen + make_interval(secs => coalesce(dead_after, %s) * %s)
RETURNING n;

-- name: open_questions
SELECT n, operation, fields FROM question WHERE epoch = %s AND answer IS NULL ORDER BY n LIMIT 100;

-- name: answer_question
UPDATE question SET answer = %s WHERE n = %s;

-- name: answers
SELECT n, answer FROM question WHERE n = ANY(%s) AND answer IS NOT NULL;

-- name: delete_questions
DELETE FROM question WHERE n = ANY(%s);

-- name: forget_questions
DELETE FROM question WHERE at < now() - interval '1 minute';

-- name: notify
-- LISTEN cuts a longer name.
SELECT pg_notify(left('gatepost_' || current_schema(), 63), '');

-- name: reserve
-- Reserves a span of time behind what is reserved already; returns how far ahead it begins.
WITH moment AS (
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now
)
INSERT INTO rate AS r (key, next) SELECT %s, now + %s FROM moment
ON CONFLICT (key) DO UPDATE
SET next = least(greatest(r.next, excluded.next - %s), (SELECT now FROM moment) + %s) + %s
RETURNING next - %s - (SELECT now FROM moment);

-- name: forget_rates
-- What was reserved is over.
DELETE FROM rate
WHERE next < (extract(epoch FROM clock_timestamp() - interval '1 hour') * 1000000)::bigint;

-- name: versions
SELECT name, value FROM counter WHERE name IN ('pauses', 'records');

-- name: raise_version
UPDATE counter SET value = value + 1 WHERE name = %s;

-- name: put_pause
INSERT INTO pause (key, node, until, about)
VALUES (%s, %s, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + %s, %s)
ON CONFLICT (key) DO UPDATE
SET node = excluded.node, until = excluded.until, about = excluded.about;

-- name: end_pause
DELETE FROM pause WHERE key = %s;

-- name: pauses
SELECT key, node, until - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, about
FROM pause LIMIT 1000;

-- name: forget_pauses
DELETE FROM pause
WHERE until < (extract(epoch FROM clock_timestamp() - interval '1 hour') * 1000000)::bigint;

-- name: take_turn
-- If nobody has it, or who has it is gone (unless it is kept) or late.
INSERT INTO turn (key, holder, until)
VALUES (%s, %s, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + %s)
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE turn.holder = excluded.holder
    OR (NOT %s AND turn.holder NOT IN (SELECT epoch FROM node))
    OR turn.until < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
RETURNING 1;

-- name: end_turn
DELETE FROM turn WHERE key = %s AND holder = %s;

-- name: load_token
SELECT sealed FROM refresh_token WHERE key = %s;

-- name: save_token
-- Unless others have the turn by now.
INSERT INTO refresh_token (key, sealed)
SELECT %s, %s WHERE EXISTS (SELECT 1 FROM turn WHERE key = %s AND holder = %s)
ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed;

-- name: count_failure
-- The count starts again when there was none for a while.
INSERT INTO failed_login AS f (address, failures, last) VALUES (%s, 1, clock_timestamp())
ON CONFLICT (address) DO UPDATE
SET failures = CASE WHEN f.last > excluded.last - make_interval(secs => %s) THEN f.failures + 1
                    ELSE 1 END,
    last = excluded.last
RETURNING failures;

-- name: forget_failures
DELETE FROM failed_login WHERE last < clock_timestamp() - interval '10 minutes';
