-- name: dead_tables
-- Of our own tables; those of contents are dropped instead. Statistics may be a second old.
SELECT relname::text FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND relname NOT LIKE 'body\_%%'
    AND n_dead_tup > greatest(1000, (n_live_tup + n_dead_tup) / 20);

-- name: grown_tables
-- Of which the planner believes that they have less than half of the rows that they have.
SELECT s.relname::text FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
WHERE s.schemaname = current_schema() AND s.relname NOT LIKE 'body\_%%'
    AND s.n_live_tup > greatest(500, 2 * c.reltuples);

-- name: snapshots
-- Who keeps what was deleted meanwhile: sessions and standbys with a snapshot, prepared
-- transactions, and replication slots. Statements of others are not shown: they may have secrets.
SELECT concat_ws(' ', CASE backend_type WHEN 'client backend' THEN 'session' ELSE backend_type END,
                 pid, 'of', usename, nullif('(' || application_name || ')', '()')),
       coalesce(state, ''), backend_xmin::text, coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8
FROM pg_stat_activity
WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
    AND (datname = current_database() OR datname IS NULL OR backend_type = 'walsender')
UNION ALL
SELECT concat_ws(' ', 'prepared transaction', gid, 'of', owner), '', transaction::text,
       extract(epoch FROM clock_timestamp() - prepared)::float8
FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT concat_ws(' ', 'replication slot', slot_name), '', xmin::text, 0::float8
FROM pg_replication_slots WHERE xmin IS NOT NULL;

-- name: server_facts
SELECT current_setting('server_version') AS version,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('synchronous_standby_names') AS synchronous_standby_names,
    current_setting('autovacuum') AS autovacuum,
    current_setting('track_counts') AS track_counts,
    (SELECT count(*) FROM pg_stat_replication) AS standbys,
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int AS places,
    (SELECT count(*) FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS used,
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
    (SELECT count(*) FROM pg_stat_activity
     WHERE usename = current_user AND pid <> pg_backend_pid()) AS role_used,
    pg_has_role('pg_read_all_stats', 'USAGE') AS sees_others,
    extract(epoch FROM clock_timestamp())::float8 AS clock;

-- name: slow_nodes
-- Nodes whose leases are slow, by what they say of themselves, and the milliseconds.
SELECT name, (status::jsonb->>'lease_ms')::float8 FROM node
WHERE (status::jsonb->>'lease_ms')::float8 > %s ORDER BY name;

-- name: table_options
SELECT c.relname::text, coalesce(c.reloptions, '{}')
FROM pg_class AS c JOIN pg_namespace AS s ON s.oid = c.relnamespace
WHERE s.nspname = current_schema() AND c.relkind = 'r' AND c.relname NOT LIKE 'body\_%%';
