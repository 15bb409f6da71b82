-- What each endpoint was, is and will be sent: the entry's place in the endpoint's own sequence, the bytes of every
-- attempt, and what became of it. Operational: the log does not depend on it.
CREATE TABLE delivery (
  delivery_key       INTEGER PRIMARY KEY,
  site_key           INTEGER NOT NULL REFERENCES site,
  endpoint_id        BLOB NOT NULL CHECK (length(endpoint_id) = 16),
  epsequence         INTEGER NOT NULL CHECK (epsequence > 0),
  seq                INTEGER,
  webhook_id         TEXT NOT NULL,
  lane               TEXT NOT NULL,
  event_type         TEXT NOT NULL,
  state              TEXT NOT NULL CHECK (state IN ('waiting', 'parked', 'done', 'dropped')),
  reason             TEXT NOT NULL,
  attempts           INTEGER NOT NULL,
  first_failed_at_ms INTEGER,
  next_attempt_at_ms INTEGER,
  settled_at_ms      INTEGER,
  history            TEXT NOT NULL,
  body               BLOB
) STRICT;
CREATE UNIQUE INDEX delivery_number ON delivery (site_key, endpoint_id, epsequence);
CREATE UNIQUE INDEX delivery_entry ON delivery (site_key, endpoint_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (site_key, endpoint_id, epsequence) WHERE state = 'waiting';
CREATE INDEX delivery_parked ON delivery (site_key, endpoint_id, next_attempt_at_ms) WHERE state = 'parked';
