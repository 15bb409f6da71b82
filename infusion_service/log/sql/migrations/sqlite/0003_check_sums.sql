-- A check sum on every row that no leaf of the log commits to: a flipped bit is seen where the row is read.
ALTER TABLE operational ADD COLUMN row_check INTEGER;
UPDATE operational SET row_check = check_of(site_key, kind, record_key, value);
ALTER TABLE delivery ADD COLUMN row_check INTEGER;
-- Of the bytes alone: they are written once, and the row is changed with every attempt.
ALTER TABLE delivery ADD COLUMN body_check INTEGER;
UPDATE delivery
SET row_check = check_of(site_key, endpoint_id, epsequence, seq, webhook_id, lane, event_type, state, reason, attempts,
                         first_failed_at_ms, next_attempt_at_ms, settled_at_ms, history),
    body_check = CASE WHEN body IS NULL THEN NULL ELSE check_of(body) END;
