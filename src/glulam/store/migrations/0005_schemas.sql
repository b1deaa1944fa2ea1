-- The schema registry.

CREATE TABLE schema_registry (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id  text NOT NULL,
  region      text NOT NULL,
  name        text COLLATE "C" NOT NULL,
  description text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, region, name)
);

CREATE TABLE schema_set (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  registry_id   bigint NOT NULL REFERENCES schema_registry ON DELETE CASCADE,
  name          text COLLATE "C" NOT NULL,
  data_format   text NOT NULL CHECK (data_format IN ('AVRO','JSON','PROTOBUF')),
  compatibility text NOT NULL CHECK (compatibility IN
                  ('NONE','DISABLED','BACKWARD','BACKWARD_ALL','FORWARD','FORWARD_ALL','FULL','FULL_ALL')),
  description   text,
  checkpoint    bigint NOT NULL DEFAULT 1,  -- the version that the *_ALL modes look back to
  next_version  bigint NOT NULL DEFAULT 1,  -- numbers are never given twice, not even that of a failed version
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (registry_id, name)
);

CREATE TABLE schema_version (
  id          uuid PRIMARY KEY,
  schema_id   bigint NOT NULL REFERENCES schema_set ON DELETE CASCADE,
  number      bigint NOT NULL CHECK (number BETWEEN 1 AND 100000),
  status      text NOT NULL CHECK (status IN ('AVAILABLE','FAILURE')),
  definition  text NOT NULL,                -- as it was given
  canonical   bytea NOT NULL,               -- what its format compares (schemas/formats.py)
  sha256      bytea NOT NULL,               -- of canonical
  reason      text,                         -- FAILURE: why it may not follow the earlier versions
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (schema_id, number),
  CHECK ((status = 'FAILURE') = (reason IS NOT NULL))
);
CREATE INDEX schema_version_definition ON schema_version (schema_id, sha256);
CREATE UNIQUE INDEX schema_version_once ON schema_version (schema_id, sha256) WHERE status = 'AVAILABLE';

CREATE TABLE schema_version_metadata (
  version_id  uuid NOT NULL REFERENCES schema_version ON DELETE CASCADE,
  key         text COLLATE "C" NOT NULL,
  value       text COLLATE "C" NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (version_id, key, value)
);
