-- The catalog, the file ledger and the batches of the ingest protocol.

CREATE TABLE catalog_database (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (name = lower(name) AND name <> ''),
  description text NOT NULL DEFAULT '',
  location    text NOT NULL DEFAULT '',
  parameters  jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE catalog_table (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  database_id bigint NOT NULL REFERENCES catalog_database ON DELETE CASCADE,
  name        text NOT NULL CHECK (name = lower(name) AND name <> ''),
  version     bigint NOT NULL DEFAULT 0,
  descriptor  jsonb NOT NULL,          -- columns, partition keys, location, format, parameters (catalog/tables.py)
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (database_id, name)
);

CREATE TABLE catalog_table_version (
  table_id    bigint NOT NULL REFERENCES catalog_table ON DELETE CASCADE,
  version     bigint NOT NULL,
  descriptor  jsonb NOT NULL,
  cause       jsonb NOT NULL,          -- who changed it: batch id, first file that brought each new column, ...
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (table_id, version)
);

CREATE TABLE catalog_partition (
  table_id    bigint NOT NULL REFERENCES catalog_table ON DELETE CASCADE,
  "values"    text[] NOT NULL,
  location    text NOT NULL,
  record_count bigint NOT NULL DEFAULT 0,
  size_bytes  bigint NOT NULL DEFAULT 0,
  file_count  bigint NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (table_id, "values")
);

CREATE TABLE pipeline (
  id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- One row a version of a raw file. No index looks at what changes (status, batch, counts) and half of each page is
-- left free, so that the two updates in a file's life stay in its page (HOT) and touch no index: 2 us instead of 9.
-- Which files are PENDING is therefore found through pending_chunk.
CREATE TABLE file_version (
  id            bigint GENERATED ALWAYS AS IDENTITY (CACHE 100) PRIMARY KEY,
  pipeline_id   int NOT NULL,           -- no foreign key: pipelines are never deleted, and it would cost 5 us a file
  bucket        text COLLATE "C" NOT NULL,
  key           text COLLATE "C" NOT NULL,
  etag          text COLLATE "C" NOT NULL,
  size_bytes    bigint NOT NULL,
  last_modified timestamptz NOT NULL,
  status        text NOT NULL DEFAULT 'PENDING' CHECK (status IN
                  ('PENDING','PROCESSING','SUCCEEDED','FAILED','QUARANTINED','SUPERSEDED','SKIPPED')),
  batch_id      text,                   -- the batch that has it, or had it last; NULL: none yet, or taken out of it
  retry_count   int NOT NULL DEFAULT 0,
  error_message text,
  records_read     bigint,              -- these four: NULL until the file has been read
  records_written  bigint,
  records_rejected bigint,
  records_rescued  bigint,
  archive_key   text,                   -- where the raw file is, or will be, after DONE (NULL: where it was)
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  processed_at  timestamptz,
  UNIQUE (key, bucket, pipeline_id, etag),   -- the key first: it tells most, and people ask by it
  CONSTRAINT accounted CHECK (status <> 'SUCCEEDED' OR
               (records_read = records_written + records_rejected) IS TRUE),
  CONSTRAINT not_negative CHECK (least(records_read, records_written, records_rejected, records_rescued) >= 0)
) WITH (fillfactor = 40);

-- The queue: every file whose status is PENDING is in at least one chunk; the status decides, so that a file which was
-- skipped or superseded need not be taken out. Claimed in order with SKIP LOCKED. Chunks, since a row a file would
-- cost as much as all the rest of registering and claiming it.
CREATE TABLE pending_chunk (
  pipeline_id int NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  file_ids    bigint[] NOT NULL,
  sizes       bigint[] NOT NULL,        -- size_bytes of each
  PRIMARY KEY (pipeline_id, id),
  CHECK (cardinality(file_ids) = cardinality(sizes) AND cardinality(file_ids) > 0)
);

CREATE VIEW file_processing_status AS
SELECT f.id AS file_id, p.name AS pipeline, 's3://' || f.bucket || '/' || f.key AS s3_uri, f.key AS s3_key, f.bucket,
       f.etag, f.status AS processing_status, f.created_at, f.updated_at, f.processed_at, f.retry_count,
       f.batch_id AS glue_job_run_id, f.error_message, coalesce(f.records_read, 0) AS records_read,
       coalesce(f.records_written, 0) AS records_written, coalesce(f.records_rejected, 0) AS records_rejected,
       coalesce(f.records_rescued, 0) AS records_rescued, f.size_bytes AS bytes, f.archive_key
FROM file_version f JOIN pipeline p ON p.id = f.pipeline_id;

CREATE TABLE batch (
  id           text PRIMARY KEY,
  pipeline_id  int NOT NULL REFERENCES pipeline,
  kind         text NOT NULL CHECK (kind IN ('INGEST','REPLAY','COMPACT')),
  state        text NOT NULL CHECK (state IN ('READY','RUNNING','COMMITTED','DONE','SPLIT','FAILED')),
  epoch        int NOT NULL DEFAULT 0,  -- one more with each claim; 0: never claimed
  attempts     int NOT NULL DEFAULT 0,
  not_before   timestamptz NOT NULL DEFAULT '-infinity',
  lease_until  timestamptz,
  worker       text,
  parent_id    text REFERENCES batch,
  file_ids     bigint[] NOT NULL,       -- frozen at creation
  spec         jsonb NOT NULL DEFAULT '{}',  -- REPLAY: the dead letters; COMPACT: the files that are replaced
  manifest     jsonb,                   -- written once, by the commit
  error_message text,
  records_read     bigint NOT NULL DEFAULT 0,
  records_written  bigint NOT NULL DEFAULT 0,
  records_rejected bigint NOT NULL DEFAULT 0,
  records_rescued  bigint NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT now(),
  committed_at timestamptz,
  done_at      timestamptz,
  CONSTRAINT accounted CHECK (state NOT IN ('COMMITTED','DONE') OR records_read = records_written + records_rejected),
  CONSTRAINT committed_has_manifest CHECK (state NOT IN ('COMMITTED','DONE') OR manifest IS NOT NULL)
);
CREATE INDEX batch_open ON batch (pipeline_id, created_at) WHERE state IN ('READY','RUNNING','COMMITTED');

-- What lies in the curated and dead-letter zones, one row a published (or about to be published) file.
CREATE TABLE output_file (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  batch_id     text NOT NULL REFERENCES batch,
  table_id     bigint NOT NULL REFERENCES catalog_table ON DELETE CASCADE,
  uri          text COLLATE "C" NOT NULL UNIQUE,
  "values"     text[] NOT NULL,
  record_count bigint NOT NULL,
  size_bytes   bigint NOT NULL,
  checksum     text NOT NULL,
  retired_by   text REFERENCES batch,   -- the COMPACT batch that replaced it
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX output_file_live ON output_file (table_id, "values") WHERE retired_by IS NULL;
CREATE INDEX output_file_batch ON output_file (batch_id);

-- Dead letters that a replay has settled: they are in the curated table now.
CREATE TABLE dead_letter_settlement (
  file_id    bigint NOT NULL REFERENCES file_version,
  record_no  bigint NOT NULL,
  batch_id   text NOT NULL REFERENCES batch,
  settled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (file_id, record_no)
);

-- Folders that the lister has seen, for "only new folders".
CREATE TABLE listed_folder (
  pipeline_id int NOT NULL REFERENCES pipeline,
  uri         text NOT NULL,
  listed_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline_id, uri)
);

CREATE TABLE outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic      text NOT NULL,
  payload    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
