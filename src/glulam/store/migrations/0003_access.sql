-- Who may sign requests, what resource policies add, and the record of who did what.

CREATE TABLE access_key (
  id            text COLLATE "C" PRIMARY KEY,
  account_id    text NOT NULL CHECK (account_id ~ '^[0-9]{12}$'),
  user_name     text NOT NULL,
  role          text NOT NULL CHECK (role IN ('viewer', 'operator', 'author', 'admin')),
  secret        bytea NOT NULL,          -- encrypted with a key that is not in the database (access/secrets.py)
  session_token bytea,                   -- encrypted; temporary keys only
  expires_at    timestamptz,
  active        boolean NOT NULL DEFAULT true,
  created_at    timestamptz NOT NULL DEFAULT now(),
  last_used_at  timestamptz,
  CHECK ((session_token IS NULL) = (expires_at IS NULL))
);

-- One policy for the catalog of each account and region, as Glue has it.
CREATE TABLE resource_policy (
  account_id    text NOT NULL,
  region        text NOT NULL,
  document      text NOT NULL,           -- JSON as it was given: it is read back as it was written
  hash          text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, region)
);

CREATE TABLE audit_log (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            timestamptz NOT NULL,
  request_id    text NOT NULL,
  account_id    text NOT NULL,           -- empty, like region and principal, when the sender is not known
  region        text NOT NULL,
  principal     text NOT NULL,
  source_ip     text NOT NULL,
  service       text NOT NULL,
  operation     text NOT NULL,
  resources     text[] NOT NULL,
  outcome       text NOT NULL,           -- OK, or the error's code
  duration_ms   real NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
