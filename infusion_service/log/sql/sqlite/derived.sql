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
