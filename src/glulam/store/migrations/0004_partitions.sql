-- Partitions as Glue's clients write them, their indexes and column statistics.

-- What many partitions of a table share: a StorageDescriptor without Location and Parameters. Never changed in place.
CREATE TABLE catalog_storage_descriptor (
  table_id    bigint NOT NULL,
  id          uuid NOT NULL,            -- the first 128 bits of the document's SHA-256
  document    json NOT NULL,            -- json, not jsonb: it goes out as it came in and is never looked into
  PRIMARY KEY (table_id, id)
);

-- index_key_1..3 hold the typed, order-preserving keys of the table's partition indexes (Glue allows three), so that an
-- index entry is written, renamed and deleted with its row. NULL where the table has no index in that slot.
ALTER TABLE catalog_partition
  DROP CONSTRAINT catalog_partition_table_id_fkey,  -- a cascade over a million rows would be one long transaction
  ALTER COLUMN "values" TYPE text[] COLLATE "C",
  ALTER COLUMN location DROP NOT NULL,
  ADD COLUMN descriptor_id         uuid,        -- NULL: no StorageDescriptor was given (or the pipeline made the row)
  ADD COLUMN descriptor_parameters json,        -- crawlers keep counts here: they differ from partition to partition
  ADD COLUMN parameters            json,
  ADD COLUMN last_access_at        timestamptz,
  ADD COLUMN last_analyzed_at      timestamptz,
  ADD COLUMN index_key_1           bytea,
  ADD COLUMN index_key_2           bytea,
  ADD COLUMN index_key_3           bytea;
CREATE INDEX catalog_partition_index_key_1 ON catalog_partition (table_id, index_key_1) WHERE index_key_1 IS NOT NULL;
CREATE INDEX catalog_partition_index_key_2 ON catalog_partition (table_id, index_key_2) WHERE index_key_2 IS NOT NULL;
CREATE INDEX catalog_partition_index_key_3 ON catalog_partition (table_id, index_key_3) WHERE index_key_3 IS NOT NULL;

CREATE TABLE catalog_partition_index (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_id    bigint NOT NULL,
  name        text NOT NULL,
  slot        smallint CHECK (slot BETWEEN 1 AND 3),
  key_names   text[] NOT NULL,
  key_types   text[] NOT NULL,
  positions   int[] NOT NULL,           -- of the keys among the table's partition keys, from 0
  status      text NOT NULL CHECK (status IN ('CREATING', 'ACTIVE', 'FAILED', 'DELETING')),
  filled_to   text[] COLLATE "C" NOT NULL DEFAULT '{}',  -- CREATING: partitions up to this one have their key
  failures    jsonb NOT NULL DEFAULT '[]',               -- FAILED: code and partition values
  created_at  timestamptz NOT NULL DEFAULT now(),
  CHECK ((slot IS NULL) = (status = 'FAILED')),
  UNIQUE (table_id, name),
  UNIQUE (table_id, slot)
);
CREATE INDEX catalog_partition_index_open ON catalog_partition_index (id) WHERE status IN ('CREATING', 'DELETING');

CREATE TABLE catalog_column_statistics (
  table_id    bigint NOT NULL,
  "values"    text[] COLLATE "C" NOT NULL,  -- of the partition; empty: the table's own
  column_name text COLLATE "C" NOT NULL,
  column_type text NOT NULL,
  analyzed_at timestamptz NOT NULL,
  data        jsonb NOT NULL,
  PRIMARY KEY (table_id, "values", column_name)
);
