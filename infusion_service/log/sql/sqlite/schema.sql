-- The whole schema at a glance: what the migrations and derived.sql add up to. Nothing runs this file; a test
-- compares it with them.

-- What the program knows of the schema itself: which migrations ran, and which text the derived tables were made from.

CREATE TABLE migration (
  number     INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  checksum   TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE derived_layout (
  table_name TEXT PRIMARY KEY,
  checksum   TEXT NOT NULL
) STRICT;

-- The truth: the log, the bodies its leaves commit to, and operational records. Derived tables are in derived.sql.
-- Every key begins with the site, the tenant: entry_key = site_key * 2^40 + seq, so that a site's log is one run of
-- the row numbers and needs no index of its own.

CREATE TABLE site (
  site_key INTEGER PRIMARY KEY CHECK (site_key BETWEEN 1 AND 4194303),
  site     TEXT NOT NULL UNIQUE
) STRICT;

-- stream_id: the 16 bytes of a day id, or 'site' for the stream of entries that belong to no day.
CREATE TABLE stream (
  stream_key INTEGER PRIMARY KEY,
  site_key   INTEGER NOT NULL REFERENCES site,
  stream_id  BLOB NOT NULL,
  UNIQUE (site_key, stream_id)
) STRICT;

-- n counts the entries of a stream. The leaf is kept as the very bytes that were hashed.
CREATE TABLE log (
  entry_key  INTEGER PRIMARY KEY,
  stream_key INTEGER NOT NULL REFERENCES stream,
  n          INTEGER NOT NULL CHECK (n > 0),
  leaf       BLOB NOT NULL,
  site_key   INTEGER GENERATED ALWAYS AS (entry_key >> 40) VIRTUAL,
  seq        INTEGER GENERATED ALWAYS AS (entry_key & 1099511627775) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX log_stream ON log (stream_key, n);

-- What the leaf commits to: the only erasable part.
CREATE TABLE payload (
  entry_key  INTEGER PRIMARY KEY REFERENCES log,
  entry_type TEXT NOT NULL,
  salt       BLOB NOT NULL CHECK (length(salt) = 32),
  body       BLOB NOT NULL
) STRICT;

-- Tells a body that was erased from one that was lost. erased_by_key: the last entry of the commit that erased it.
CREATE TABLE erasure (
  entry_key     INTEGER PRIMARY KEY REFERENCES log,
  erased_by_key INTEGER NOT NULL
) STRICT;

-- An entry with its body, for readers and for whoever looks with a database shell. Erased bodies are NULL.
CREATE VIEW entry AS
SELECT log.entry_key, log.site_key, log.seq, log.stream_key, stream.stream_id, log.n, log.leaf,
       payload.entry_type, payload.salt, payload.body
FROM log JOIN stream USING (stream_key) LEFT JOIN payload USING (entry_key);

-- Devices, staff, sessions, tokens, endpoints and their cursors: JSON objects by kind and key.
CREATE TABLE operational (
  site_key   INTEGER NOT NULL REFERENCES site,
  kind       TEXT NOT NULL,
  record_key TEXT NOT NULL,
  value      TEXT NOT NULL,
  row_check  INTEGER,
  PRIMARY KEY (site_key, kind, record_key)
) STRICT, WITHOUT ROWID;

-- They guard against mistakes, not against an attacker: against that one there are the signed checkpoints.
CREATE TRIGGER log_keeps_rows BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'the log is append-only: no row is deleted'); END;
CREATE TRIGGER log_keeps_values BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'the log is append-only: no row is updated'); END;
CREATE TRIGGER payload_keeps_values BEFORE UPDATE ON payload
BEGIN SELECT RAISE(ABORT, 'a body is never changed'); END;
CREATE TRIGGER payload_keeps_rows BEFORE DELETE ON payload
WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE entry_key = OLD.entry_key)
BEGIN SELECT RAISE(ABORT, 'a body is deleted only after its erasure has been recorded'); END;
CREATE TRIGGER erasure_keeps_rows BEFORE DELETE ON erasure
BEGIN SELECT RAISE(ABORT, 'an erasure is never forgotten'); END;
CREATE TRIGGER erasure_keeps_values BEFORE UPDATE ON erasure
BEGIN SELECT RAISE(ABORT, 'an erasure is never forgotten'); END;

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
  body               BLOB,
  row_check          INTEGER,
  body_check         INTEGER
) STRICT;
CREATE UNIQUE INDEX delivery_number ON delivery (site_key, endpoint_id, epsequence);
CREATE UNIQUE INDEX delivery_entry ON delivery (site_key, endpoint_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (site_key, endpoint_id, epsequence) WHERE state = 'waiting';
CREATE INDEX delivery_parked ON delivery (site_key, endpoint_id, next_attempt_at_ms) WHERE state = 'parked';

-- Derived tables: functions of the log, dropped and made again whenever this text changes, so they need no migrations.
-- row_check is the check sum over the columns before it; an event key is held against its entry instead.

-- Where a site's log stands, and how far each derived part has come.
CREATE TABLE log_head (
  site_key        INTEGER PRIMARY KEY,
  size            INTEGER NOT NULL,
  frontier        BLOB NOT NULL,
  site_n          INTEGER NOT NULL,
  site_last_hash  BLOB NOT NULL,
  event_keys_size INTEGER NOT NULL,
  day_heads_size  INTEGER NOT NULL,
  row_check       INTEGER NOT NULL
) STRICT;

-- Roots of perfect subtrees of the Merkle tree at every 8th level: proofs need not read the whole log.
CREATE TABLE tree_node (
  site_key   INTEGER NOT NULL,
  level      INTEGER NOT NULL,
  node_index INTEGER NOT NULL,
  root       BLOB NOT NULL,
  row_check  INTEGER NOT NULL,
  PRIMARY KEY (site_key, level, node_index)
) STRICT, WITHOUT ROWID;

-- Every event id, for ever. Apart from the log because ids need not come in order: a random key beside each row would
-- cost the log its sequential writes.
CREATE TABLE event_key (
  site_key INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  seq      INTEGER NOT NULL,
  PRIMARY KEY (site_key, event_id)
) STRICT, WITHOUT ROWID;

-- Where each day stands. A day without date has the date ''.
CREATE TABLE day_head (
  site_key          INTEGER NOT NULL,
  day_id            BLOB NOT NULL,
  patient_id        TEXT,
  ward              TEXT,
  date              TEXT NOT NULL,
  workflow_hash     TEXT,
  state             TEXT,
  open              INTEGER NOT NULL,
  version           INTEGER NOT NULL,
  n                 INTEGER NOT NULL,
  last_leaf_hash    BLOB NOT NULL,
  last_seq          INTEGER NOT NULL,
  next_change_at_ms INTEGER,
  row_check         INTEGER NOT NULL,
  PRIMARY KEY (site_key, day_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_head_board ON day_head (site_key, date, day_id);
CREATE INDEX day_head_open ON day_head (site_key, date, day_id) WHERE open = 1;
CREATE INDEX day_head_ward ON day_head (site_key, ward, date, day_id);
CREATE INDEX day_head_patient ON day_head (site_key, patient_id, date, day_id) WHERE patient_id IS NOT NULL;
CREATE INDEX day_head_due ON day_head (site_key, next_change_at_ms) WHERE next_change_at_ms IS NOT NULL;
