-- Statements about deliveries. The columns come in one order everywhere.

-- name: insert_delivery
-- One entry takes its number in the endpoint's sequence.
INSERT INTO delivery (
  site_key, endpoint_id, epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms,
  next_attempt_at_ms, settled_at_ms, history, body, row_check, body_check
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: change_delivery
-- What became of attempts. Number, entry and bytes stay.
UPDATE delivery
SET state = fate.column1, reason = fate.column2, attempts = fate.column3, first_failed_at_ms = fate.column4,
    next_attempt_at_ms = fate.column5, settled_at_ms = fate.column6, history = fate.column7, row_check = fate.column8
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS fate
WHERE site_key = fate.column9 AND endpoint_id = fate.column10 AND epsequence = fate.column11;

-- name: requeue_deliveries
-- A replay: the same bytes once more. Those whose bytes were forgotten are left alone.
UPDATE delivery
SET state = 'waiting', reason = 'replay', attempts = 0, first_failed_at_ms = NULL, next_attempt_at_ms = NULL,
    settled_at_ms = NULL,
    row_check = check_of(site_key, endpoint_id, epsequence, seq, webhook_id, lane, event_type, 'waiting', 'replay', 0,
                         NULL, NULL, NULL, history)
WHERE site_key = ? AND endpoint_id = ? AND seq BETWEEN ? AND ? AND body IS NOT NULL;

-- name: waiting_deliveries
-- What waits in its lane, from a number on.
SELECT epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms, next_attempt_at_ms,
       settled_at_ms, history, body, row_check, body_check
FROM delivery INDEXED BY delivery_waiting
WHERE site_key = ? AND endpoint_id = ? AND state = 'waiting' AND epsequence > ? ORDER BY epsequence LIMIT ?;

-- name: parked_deliveries_due
-- What is out of its lane and to be tried again.
SELECT epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms, next_attempt_at_ms,
       settled_at_ms, history, body, row_check, body_check
FROM delivery INDEXED BY delivery_parked
WHERE site_key = ? AND endpoint_id = ? AND state = 'parked' AND next_attempt_at_ms <= ?
ORDER BY next_attempt_at_ms, epsequence LIMIT ?;

-- name: next_parked_delivery_due
-- When that is the case next.
SELECT min(next_attempt_at_ms) FROM delivery INDEXED BY delivery_parked
WHERE site_key = ? AND endpoint_id = ? AND state = 'parked' AND next_attempt_at_ms IS NOT NULL;

-- name: deliveries
-- For who looks through them, without the bytes.
SELECT epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms, next_attempt_at_ms,
       settled_at_ms, history, NULL, row_check, NULL
FROM delivery INDEXED BY delivery_number
WHERE site_key = :site_key AND endpoint_id = :endpoint_id AND epsequence > :after
  AND (:state IS NULL OR state = :state) AND (:lane IS NULL OR lane = :lane)
  AND (:event_type IS NULL OR event_type = :event_type)
  AND (:answer IS NULL
       OR CAST(coalesce(json_extract(history, '$[#-1].status'), json_extract(history, '$[#-1].fault')) AS TEXT) = :answer)
  AND (:since IS NULL OR json_extract(history, '$[#-1].at') >= :since)
  AND (:until IS NULL OR json_extract(history, '$[#-1].at') < :until)
  AND (:to_number IS NULL OR epsequence <= :to_number)
ORDER BY epsequence LIMIT :limit;

-- name: deliveries_waiting
-- The same for those that wait: few among many.
SELECT epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms, next_attempt_at_ms,
       settled_at_ms, history, NULL, row_check, NULL
FROM delivery INDEXED BY delivery_waiting
WHERE site_key = :site_key AND endpoint_id = :endpoint_id AND state = 'waiting' AND epsequence > :after
  AND (:lane IS NULL OR lane = :lane) AND (:event_type IS NULL OR event_type = :event_type)
  AND (:answer IS NULL
       OR CAST(coalesce(json_extract(history, '$[#-1].status'), json_extract(history, '$[#-1].fault')) AS TEXT) = :answer)
  AND (:since IS NULL OR json_extract(history, '$[#-1].at') >= :since)
  AND (:until IS NULL OR json_extract(history, '$[#-1].at') < :until)
  AND (:to_number IS NULL OR epsequence <= :to_number)
ORDER BY epsequence LIMIT :limit;

-- name: deliveries_parked
-- The same for those that are parked.
SELECT epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms, next_attempt_at_ms,
       settled_at_ms, history, NULL, row_check, NULL
FROM delivery INDEXED BY delivery_parked
WHERE site_key = :site_key AND endpoint_id = :endpoint_id AND state = 'parked' AND epsequence > :after
  AND (:lane IS NULL OR lane = :lane) AND (:event_type IS NULL OR event_type = :event_type)
  AND (:answer IS NULL
       OR CAST(coalesce(json_extract(history, '$[#-1].status'), json_extract(history, '$[#-1].fault')) AS TEXT) = :answer)
  AND (:since IS NULL OR json_extract(history, '$[#-1].at') >= :since)
  AND (:until IS NULL OR json_extract(history, '$[#-1].at') < :until)
  AND (:to_number IS NULL OR epsequence <= :to_number)
ORDER BY epsequence LIMIT :limit;

-- name: delivery
-- One of them, with its bytes.
SELECT epsequence, seq, webhook_id, lane, event_type, state, reason, attempts, first_failed_at_ms, next_attempt_at_ms,
       settled_at_ms, history, body, row_check, body_check
FROM delivery WHERE site_key = ? AND endpoint_id = ? AND epsequence = ?;

-- name: deliveries_of_entries
-- Which entries of a range the endpoint has a number for.
SELECT seq, epsequence FROM delivery WHERE site_key = ? AND endpoint_id = ? AND seq BETWEEN ? AND ?;

-- name: count_waiting
-- How many wait.
SELECT count(*) FROM delivery INDEXED BY delivery_waiting
WHERE site_key = ? AND endpoint_id = ? AND state = 'waiting';

-- name: count_parked
-- How many are parked.
SELECT count(*) FROM delivery INDEXED BY delivery_parked
WHERE site_key = ? AND endpoint_id = ? AND state = 'parked';

-- name: forget_delivery_bodies
-- The bytes of what was settled long ago.
UPDATE delivery SET body = NULL
WHERE site_key = ? AND endpoint_id = ? AND settled_at_ms < ? AND body IS NOT NULL;
