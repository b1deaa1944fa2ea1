-- Which events start what, and which objects were seen. docs/events.md says how these are used.

ALTER TABLE outbox
  ADD COLUMN resources   text[] NOT NULL DEFAULT '{}',  -- ARNs
  ADD COLUMN happened_at timestamptz;                   -- as its sender says; null: created_at

CREATE TABLE event_rule (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  pattern    text NOT NULL,                 -- as it was given
  enabled    boolean NOT NULL,
  document   jsonb NOT NULL,                -- Description, RoleArn
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),  -- the rule or its targets: what is older was not asked for
  PRIMARY KEY (account_id, region, name)
);

CREATE TABLE event_target (
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  rule       text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  workflow   text COLLATE "C" NOT NULL,     -- of the same account and region
  document   jsonb NOT NULL,                -- as PutTargets gave it
  PRIMARY KEY (account_id, region, rule, id),
  FOREIGN KEY (account_id, region, rule) REFERENCES event_rule
);

-- The prefixes that rules name: looked at again and again, for what nobody told.
CREATE TABLE object_watch (
  bucket    text COLLATE "C" NOT NULL,
  prefix    text COLLATE "C" NOT NULL,
  made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  looked_at timestamptz,                    -- end of the last look that got through; null: none yet
  look_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (bucket, prefix)
);

-- The version of each object that an event was told of, or that was there before.
CREATE TABLE object_seen (
  bucket     text COLLATE "C" NOT NULL,
  key        text COLLATE "C" NOT NULL,
  etag       text NOT NULL,
  sequencer  text COLLATE "C" NOT NULL DEFAULT '',  -- S3's, padded: of two notices of a key the later has the greater
  gone       boolean NOT NULL DEFAULT false,
  seen_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (bucket, key)
);
CREATE INDEX object_seen_age ON object_seen (seen_at);
