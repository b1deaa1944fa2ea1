-- Crawls: what was asked, who does it, what came of it; and what crawlers remember of the files they have seen.

CREATE TABLE crawl (
  id             text COLLATE "C" PRIMARY KEY,
  account_id     text COLLATE "C" NOT NULL,
  region         text COLLATE "C" NOT NULL,
  crawler        text COLLATE "C" NOT NULL,        -- empty: asked for on the command line
  spec           jsonb NOT NULL,                   -- the crawler's members as they were when it was started
  state          text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'PLANNED', 'COMPLETED', 'FAILED', 'STOPPED')),
  stop_requested boolean NOT NULL DEFAULT false,
  epoch          int NOT NULL DEFAULT 0,           -- one higher with each worker that takes it
  worker         text,
  lease_until    timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  started_at     timestamptz,
  ended_at       timestamptz,
  error          text,
  plan           json,                             -- json, not jsonb: shown and applied as a whole
  summary        jsonb NOT NULL DEFAULT '{}',      -- counts of what changed
  log            text NOT NULL DEFAULT ''
);
CREATE INDEX crawl_history ON crawl (account_id, region, crawler, created_at DESC, id DESC);
CREATE UNIQUE INDEX crawl_one_at_a_time ON crawl (account_id, region, crawler)
  WHERE state IN ('QUEUED', 'RUNNING') AND crawler <> '';
CREATE INDEX crawl_open ON crawl (created_at) WHERE state IN ('QUEUED', 'RUNNING');

CREATE TABLE crawl_memory (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL,
  region     text COLLATE "C" NOT NULL,
  crawler    text COLLATE "C" NOT NULL,
  basis      bytea NOT NULL,             -- hash of all that findings depend on beside the files
  left_as    jsonb NOT NULL,             -- hash of the settings; [id, version] of each table as the last crawl left it
  UNIQUE (account_id, region, crawler)
);
CREATE TABLE crawl_memory_look (
  memory_id  bigint NOT NULL REFERENCES crawl_memory ON DELETE CASCADE,
  id         bytea NOT NULL,             -- hash of the document
  document   json NOT NULL,              -- format and columns that many files share
  PRIMARY KEY (memory_id, id)
);
CREATE TABLE crawl_memory_folder (
  memory_id  bigint NOT NULL REFERENCES crawl_memory ON DELETE CASCADE,
  target     text COLLATE "C" NOT NULL,  -- the include path
  path       text COLLATE "C" NOT NULL,
  digest     bytea NOT NULL,             -- of names and etags: the same, and no file needs a look
  files      bytea NOT NULL,             -- name, etag, size, look of each file; compressed
  PRIMARY KEY (memory_id, target, path)
);
