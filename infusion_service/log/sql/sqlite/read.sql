-- Statements of the readers. The log is read through the view `entry`; `SELECT *` of day_head is in the order of
-- derived.sql.

-- name: site_key
-- Key of a site that has written before.
SELECT site_key FROM site WHERE site = ?;

-- name: stream_key
-- Key of a stream that has at least one entry.
SELECT stream_key FROM stream WHERE site_key = ? AND stream_id = ?;

-- name: last_entry_key
-- End of a site's log, from the log itself: the largest key between the site's first and last possible ones.
SELECT max(entry_key) FROM log WHERE entry_key BETWEEN ? AND ?;

-- name: log_head
-- Where the log stands and how far the derived tables have come.
SELECT size, frontier, site_n, site_last_hash, event_keys_size, day_heads_size, row_check
FROM log_head WHERE site_key = ?;

-- name: last_of_stream
-- The newest entry of a stream.
SELECT n, leaf FROM log WHERE stream_key = ? ORDER BY n DESC LIMIT 1;

-- name: row_of_event
-- The row recorded under an event id.
SELECT entry.seq, stream_id, n, leaf, salt, body
FROM event_key JOIN entry ON entry.entry_key = (event_key.site_key << 40) + event_key.seq
WHERE event_key.site_key = ? AND event_id = ?;

-- name: rows_of_stream
-- A stream in the order of its own numbers.
SELECT seq, stream_id, n, leaf, salt, body FROM entry WHERE stream_key = ? AND n > ? ORDER BY n LIMIT ?;

-- name: rows
-- The log in order.
SELECT seq, stream_id, n, leaf, salt, body
FROM entry WHERE entry_key > ? AND entry_key <= ? ORDER BY entry_key LIMIT ?;

-- name: rows_of_type
-- The log in order, one type of entry only. A scan: the types are not indexed.
SELECT seq, stream_id, n, leaf, salt, body
FROM entry WHERE entry_key > ? AND entry_key <= ? AND entry_type = ? ORDER BY entry_key LIMIT ?;

-- name: rows_of_stream_after
-- A stream from a place in the log. Its index gives the order: n and seq rise together.
SELECT seq, stream_id, n, leaf, salt, body
FROM entry WHERE stream_key = :stream_key AND entry_key > :after AND (:entry_type IS NULL OR entry_type = :entry_type)
ORDER BY n LIMIT :limit;

-- name: leaves
-- The bytes the tree is made of.
SELECT leaf FROM log WHERE entry_key > ? AND entry_key <= ? ORDER BY entry_key;

-- name: leaf
-- The leaf of one entry.
SELECT leaf FROM log WHERE entry_key = ?;

-- name: leaves_and_bodies
-- What the derived tables are made of.
SELECT seq, leaf, body FROM entry WHERE entry_key > ? AND entry_key <= ? ORDER BY entry_key;

-- name: tree_nodes
-- A run of subtree roots of one level.
SELECT node_index, root, row_check FROM tree_node
WHERE site_key = ? AND level = ? AND node_index >= ? AND node_index < ? ORDER BY node_index;

-- name: streams
-- Days in order of their ids. The stream "site" has a shorter id and is left out.
SELECT stream_id FROM stream WHERE site_key = ? AND stream_id > ? AND length(stream_id) = 16 ORDER BY stream_id LIMIT ?;

-- name: derived_rows_present
-- Whether the derived tables hold anything where they should: an emptied table is not a current one.
SELECT EXISTS (SELECT 1 FROM event_key WHERE site_key = :site_key),
       NOT EXISTS (SELECT 1 FROM stream WHERE site_key = :site_key AND length(stream_id) = 16)
       OR EXISTS (SELECT 1 FROM day_head WHERE site_key = :site_key),
       :node_index < 0
       OR EXISTS (SELECT 1 FROM tree_node WHERE site_key = :site_key AND level = :level AND node_index = :node_index);

-- name: all_day_heads
-- Every one of a site.
SELECT * FROM day_head WHERE site_key = ?;

-- name: is_erased
-- Whether a body is gone because it was to go.
SELECT 1 FROM erasure WHERE entry_key = ?;

-- name: day_head
-- One day's head.
SELECT * FROM day_head WHERE site_key = ? AND day_id = ?;

-- name: day_heads
-- The board from a place in its order: days of all wards.
SELECT * FROM day_head INDEXED BY day_head_board
WHERE site_key = :site_key AND (date, day_id) > (:after_date, :after_day) AND date <= :last_date
  AND (:state IS NULL OR state = :state)
ORDER BY date, day_id LIMIT :limit;

-- name: day_heads_open
-- The same, open days only: few among many.
SELECT * FROM day_head INDEXED BY day_head_open
WHERE site_key = :site_key AND open = 1 AND (date, day_id) > (:after_date, :after_day) AND date <= :last_date
  AND (:state IS NULL OR state = :state) AND (:ward IS NULL OR ward = :ward)
ORDER BY date, day_id LIMIT :limit;

-- name: day_heads_of_ward
-- The same, one ward.
SELECT * FROM day_head INDEXED BY day_head_ward
WHERE site_key = :site_key AND ward = :ward AND (date, day_id) > (:after_date, :after_day) AND date <= :last_date
  AND (:state IS NULL OR state = :state)
ORDER BY date, day_id LIMIT :limit;

-- name: day_heads_of_patient
-- The same, one patient: the days of a course.
SELECT * FROM day_head INDEXED BY day_head_patient
WHERE site_key = :site_key AND patient_id = :patient_id
  AND (date, day_id) > (:after_date, :after_day) AND date <= :last_date
  AND (:state IS NULL OR state = :state) AND (:ward IS NULL OR ward = :ward) AND (:open_only = 0 OR open = 1)
ORDER BY date, day_id LIMIT :limit;

-- name: day_heads_newest
-- The board from its other end: the newest day first.
SELECT * FROM day_head INDEXED BY day_head_board
WHERE site_key = :site_key AND (date, day_id) < (:after_date, :after_day) AND date >= :first_date
  AND (:state IS NULL OR state = :state)
ORDER BY date DESC, day_id DESC LIMIT :limit;

-- name: day_heads_open_newest
-- The same, open days only.
SELECT * FROM day_head INDEXED BY day_head_open
WHERE site_key = :site_key AND open = 1 AND (date, day_id) < (:after_date, :after_day) AND date >= :first_date
  AND (:state IS NULL OR state = :state) AND (:ward IS NULL OR ward = :ward)
ORDER BY date DESC, day_id DESC LIMIT :limit;

-- name: day_heads_of_ward_newest
-- The same, one ward.
SELECT * FROM day_head INDEXED BY day_head_ward
WHERE site_key = :site_key AND ward = :ward AND (date, day_id) < (:after_date, :after_day) AND date >= :first_date
  AND (:state IS NULL OR state = :state)
ORDER BY date DESC, day_id DESC LIMIT :limit;

-- name: day_heads_of_patient_newest
-- The same, one patient.
SELECT * FROM day_head INDEXED BY day_head_patient
WHERE site_key = :site_key AND patient_id = :patient_id
  AND (date, day_id) < (:after_date, :after_day) AND date >= :first_date
  AND (:state IS NULL OR state = :state) AND (:ward IS NULL OR ward = :ward) AND (:open_only = 0 OR open = 1)
ORDER BY date DESC, day_id DESC LIMIT :limit;

-- name: due_heads
-- Days at which something changes by itself up to a moment, earliest first.
SELECT * FROM day_head INDEXED BY day_head_due
WHERE site_key = ? AND next_change_at_ms <= ? ORDER BY next_change_at_ms, day_id LIMIT ?;

-- name: next_due
-- The earliest such moment.
SELECT min(next_change_at_ms) FROM day_head INDEXED BY day_head_due
WHERE site_key = ? AND next_change_at_ms IS NOT NULL;

-- name: records
-- All operational records of a kind.
SELECT record_key, value, row_check FROM operational WHERE site_key = ? AND kind = ? ORDER BY record_key;

-- name: all_records
-- All of a site.
SELECT kind, record_key, value, row_check FROM operational WHERE site_key = ?;

-- name: record
-- One operational record.
SELECT value, row_check FROM operational WHERE site_key = ? AND kind = ? AND record_key = ?;
