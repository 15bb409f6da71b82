-- What the program knows of the schema itself: which migrations ran, and which text the derived tables were made from.

CREATE TABLE IF NOT EXISTS migration (
  number     INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  checksum   TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS derived_layout (
  table_name TEXT PRIMARY KEY,
  checksum   TEXT NOT NULL
) STRICT;
