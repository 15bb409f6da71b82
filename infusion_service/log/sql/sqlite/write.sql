-- Statements of the writer, all of them run inside one BEGIN IMMEDIATE ... COMMIT per batch.

-- name: insert_site
-- A site takes its key with its first write.
INSERT INTO site (site) VALUES (?) RETURNING site_key;

-- name: insert_stream
-- A stream takes its key with its first entry.
INSERT INTO stream (site_key, stream_id) VALUES (?, ?) RETURNING stream_key;

-- name: stream_end
-- Key of a stream and the number of its last entry, with one look at the end of the index.
SELECT stream_key, (SELECT max(n) FROM log WHERE log.stream_key = stream.stream_key)
FROM stream WHERE site_key = ? AND stream_id = ?;

-- name: insert_leaf
-- One entry of the log.
INSERT INTO log (entry_key, stream_key, n, leaf) VALUES (?, ?, ?, ?);

-- name: insert_payload
-- What its leaf commits to.
INSERT INTO payload (entry_key, entry_type, salt, body) VALUES (?, ?, ?, ?);

-- name: insert_event_key
-- Its event id, which fails when the id has been used.
INSERT INTO event_key (site_key, event_id, seq) VALUES (?, ?, ?);

-- name: add_event_key
-- The same for a rebuild, where ids may be there already: those of erased bodies have no other record.
INSERT INTO event_key (site_key, event_id, seq) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq;

-- name: seq_of_event
-- Where an event id was used.
SELECT seq FROM event_key WHERE site_key = ? AND event_id = ?;

-- name: insert_tree_node
-- Root of a perfect subtree that has just become whole.
INSERT OR REPLACE INTO tree_node (site_key, level, node_index, root, row_check) VALUES (?, ?, ?, ?, ?);

-- name: set_log_head
-- Where the log stands now, and how far the derived tables have come.
INSERT OR REPLACE INTO log_head (
  site_key, size, frontier, site_n, site_last_hash, event_keys_size, day_heads_size, row_check
) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: day_heads_rebuilt
-- The day heads are those of the whole log.
UPDATE log_head
SET day_heads_size = size,
    row_check = check_of(site_key, size, frontier, site_n, site_last_hash, event_keys_size, size)
WHERE site_key = ?;

-- name: move_day_head
-- A new day, or the usual step of one: what the other indexes hold is as before, so they are left alone. A day that
-- has changed its patient, ward or date is passed over.
INSERT INTO day_head (
  site_key, day_id, patient_id, ward, date, workflow_hash, state, open, version, n, last_leaf_hash, last_seq,
  next_change_at_ms, row_check
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  state = excluded.state, open = excluded.open, version = excluded.version, n = excluded.n,
  last_leaf_hash = excluded.last_leaf_hash, last_seq = excluded.last_seq,
  next_change_at_ms = excluded.next_change_at_ms, row_check = excluded.row_check
WHERE date = excluded.date AND ward IS excluded.ward AND patient_id IS excluded.patient_id
  AND workflow_hash IS excluded.workflow_hash;

-- name: set_day_head
-- A day wherever it stood before.
INSERT OR REPLACE INTO day_head (
  site_key, day_id, patient_id, ward, date, workflow_hash, state, open, version, n, last_leaf_hash, last_seq,
  next_change_at_ms, row_check
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: clear_day_heads
-- Before all heads are replaced.
DELETE FROM day_head WHERE site_key = ?;

-- name: put_record
-- Keep an operational record.
INSERT INTO operational (site_key, kind, record_key, value, row_check) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value, row_check = excluded.row_check;

-- name: drop_record
-- Forget one.
DELETE FROM operational WHERE site_key = ? AND kind = ? AND record_key = ?;

-- name: record_erasure
-- First half of an erasure: without this mark the bodies cannot be deleted.
INSERT OR IGNORE INTO erasure (entry_key, erased_by_key)
SELECT log.entry_key, ? FROM log JOIN payload USING (entry_key) WHERE log.stream_key = ?;

-- name: erase_deliveries
-- With it go the copies that were, or were to be, delivered: nobody is sent what has been erased.
UPDATE delivery
SET body = NULL, state = CASE state WHEN 'done' THEN 'done' ELSE 'dropped' END, next_attempt_at_ms = NULL,
    row_check = check_of(site_key, endpoint_id, epsequence, seq, webhook_id, lane, event_type,
                         CASE state WHEN 'done' THEN 'done' ELSE 'dropped' END, reason, attempts, first_failed_at_ms,
                         NULL, settled_at_ms, history)
WHERE site_key = ? AND lane = ?;

-- name: erase_payload
-- Second half: destroys bodies and salts of a stream. The only statement that deletes from payload.
DELETE FROM payload WHERE entry_key IN (SELECT entry_key FROM log WHERE stream_key = ?);
