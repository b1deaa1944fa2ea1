-- The catalog as Glue has it: scoped by catalog and region, whole documents, deletion that does not wait for its parts.

ALTER TABLE catalog_database
  ADD COLUMN catalog_id text COLLATE "C" NOT NULL DEFAULT '123456789012',  -- the account, or one of its named catalogs
  ADD COLUMN region     text COLLATE "C" NOT NULL DEFAULT 'us-east-1',
  ADD COLUMN document   jsonb NOT NULL DEFAULT '{}',  -- Glue's DatabaseInput without the name
  ADD COLUMN deleted_at timestamptz,                  -- gone for everybody; its tables are removed bit by bit
  ALTER COLUMN name TYPE text COLLATE "C",
  DROP CONSTRAINT catalog_database_name_key;
UPDATE catalog_database
SET document = jsonb_strip_nulls(jsonb_build_object('Description', nullif(description, ''), 'LocationUri', nullif(location, '')));
ALTER TABLE catalog_database
  ALTER COLUMN catalog_id DROP DEFAULT, ALTER COLUMN region DROP DEFAULT,
  DROP COLUMN description, DROP COLUMN location, DROP COLUMN parameters;
CREATE UNIQUE INDEX catalog_database_name ON catalog_database (catalog_id, region, name) WHERE deleted_at IS NULL;
CREATE INDEX catalog_database_deleted ON catalog_database (id) WHERE deleted_at IS NOT NULL;

ALTER TABLE catalog_table
  ADD COLUMN document   jsonb,                        -- Glue's TableInput without the name, times as seconds since 1970
  ADD COLUMN created_by text NOT NULL DEFAULT 'glulam',
  ADD COLUMN deleted_at timestamptz,
  ALTER COLUMN name TYPE text COLLATE "C",
  DROP CONSTRAINT catalog_table_database_id_name_key,
  DROP CONSTRAINT catalog_table_database_id_fkey;
ALTER TABLE catalog_table_version ADD COLUMN document jsonb;

CREATE FUNCTION pg_temp.as_document(d jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'TableType', d->>'table_type', 'Parameters', (d->'parameters') || jsonb_build_object('classification', d->>'format'),
    'PartitionKeys', (SELECT coalesce(jsonb_agg(jsonb_build_object('Name', c->>'name', 'Type', c->>'type', 'Comment', c->>'comment')), '[]')
                      FROM jsonb_array_elements(d->'partition_keys') c),
    'StorageDescriptor', jsonb_build_object(
      'Columns', (SELECT coalesce(jsonb_agg(jsonb_build_object('Name', c->>'name', 'Type', c->>'type', 'Comment', c->>'comment')), '[]')
                  FROM jsonb_array_elements(d->'columns') c),
      'Location', d->>'location',
      'InputFormat', 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
      'OutputFormat', 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
      'SerdeInfo', jsonb_build_object('SerializationLibrary', 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe')))
$$;
UPDATE catalog_table SET document = pg_temp.as_document(descriptor);
UPDATE catalog_table_version SET document = pg_temp.as_document(descriptor);
ALTER TABLE catalog_table ALTER COLUMN document SET NOT NULL, DROP COLUMN descriptor;
ALTER TABLE catalog_table_version ALTER COLUMN document SET NOT NULL, DROP COLUMN descriptor;
CREATE UNIQUE INDEX catalog_table_name ON catalog_table (database_id, name) WHERE deleted_at IS NULL;
CREATE INDEX catalog_table_deleted ON catalog_table (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX catalog_table_database ON catalog_table (database_id);

-- What Glue keeps by name and gives back as it was: functions, connections, classifiers, security configurations, ...
CREATE TABLE catalog_resource (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  parent     text COLLATE "C" NOT NULL DEFAULT '',   -- a function's database
  name       text COLLATE "C" NOT NULL,
  document   jsonb NOT NULL,
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, region, kind, parent, name)
);

CREATE TABLE resource_tag (
  arn   text COLLATE "C" NOT NULL,
  key   text COLLATE "C" NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (arn, key)
);
