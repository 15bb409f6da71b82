-- Statements of the verifier: it reads the truth and nothing derived from it, and trusts no column that a leaf also
-- says.

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
