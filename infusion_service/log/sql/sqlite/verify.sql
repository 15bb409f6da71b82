-- Statements of the verifier. Those about the log read the truth and nothing derived from it, and trust no column that a
-- leaf also says; those about other tables come last, and nothing else depends on them.

-- name: sites
-- Every site with a log in this file.
SELECT site_key, site FROM site ORDER BY site_key;

-- name: rows_from
-- A site's log in order.
SELECT log.entry_key, log.stream_key, log.n, log.leaf, payload.salt, payload.body, payload.entry_type
FROM log LEFT JOIN payload USING (entry_key)
WHERE log.entry_key > ? AND log.entry_key <= ? ORDER BY log.entry_key;

-- name: last_entry_key
-- How far the log goes.
SELECT max(entry_key) FROM log WHERE entry_key BETWEEN ? AND ?;

-- name: stream_id
-- What a stream is called.
SELECT stream_id FROM stream WHERE stream_key = ? AND site_key = ?;

-- name: streams
-- Every stream of a site, days in the order they were begun.
SELECT stream_key, stream_id FROM stream WHERE site_key = ? ORDER BY stream_key;

-- name: entries_of_stream
-- One stream in the order of its own numbers.
SELECT log.entry_key, log.leaf, payload.body, payload.entry_type
FROM log LEFT JOIN payload USING (entry_key) WHERE log.stream_key = ? ORDER BY log.n;

-- name: erased_by
-- The entry whose commit erased this one's body, if any did.
SELECT erased_by_key FROM erasure WHERE entry_key = ?;

-- name: key_changes
-- Keys that were added and retired, in order.
SELECT payload.body FROM log JOIN payload USING (entry_key) JOIN stream USING (stream_key)
WHERE stream.site_key = ? AND stream.stream_id = CAST('site' AS BLOB) AND payload.entry_type IN (?, ?)
ORDER BY log.n;

-- name: schema_version
-- How many migrations made this file.
PRAGMA user_version;

-- name: schema
-- Every object of the file with the text that made it.
SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1;

-- name: damage
-- What SQLite itself finds wrong with pages, tables and indexes; "ok" when nothing is.
PRAGMA integrity_check(10);

-- name: log_head
-- Where the derived tables say the log stands.
SELECT size, frontier, site_n, site_last_hash, event_keys_size, day_heads_size, row_check
FROM log_head WHERE site_key = ?;

-- name: tree_nodes
-- Every stored root of a subtree.
SELECT level, node_index, root, row_check FROM tree_node WHERE site_key = ? ORDER BY level, node_index;

-- name: event_keys
-- Where every event id leads.
SELECT event_id, seq FROM event_key WHERE site_key = ?;

-- name: seq_of_event
-- Where one leads.
SELECT seq FROM event_key WHERE site_key = ? AND event_id = ?;

-- name: day_head
-- One day's head.
SELECT * FROM day_head WHERE site_key = ? AND day_id = ?;

-- name: count_day_heads
-- How many there are.
SELECT count(*) FROM day_head WHERE site_key = ?;

-- name: operational
-- Every operational record.
SELECT kind, record_key, value, row_check FROM operational WHERE site_key = ? ORDER BY kind, record_key;

-- name: deliveries
-- What is kept of every delivery.
SELECT site_key, endpoint_id, epsequence, seq, webhook_id, lane, event_type, state, reason, attempts,
       first_failed_at_ms, next_attempt_at_ms, settled_at_ms, history, body, row_check, body_check
FROM delivery WHERE site_key = ?;
