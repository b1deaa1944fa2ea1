-- What a plain file of the lake cannot hold. A row belongs to one version of an object: the file that has this
-- modification time, size and inode. While an object is replaced, the rows of the old and of the new one are both here,
-- and whichever file is there finds its own.

CREATE TABLE bucket_object (
  bucket        text COLLATE "C" NOT NULL,
  key           bytea NOT NULL,          -- UTF-8; text cannot hold U+0000
  mtime_ns      bigint NOT NULL,
  size_bytes    bigint NOT NULL,
  inode         bigint NOT NULL,         -- unsigned 64 bits, stored with wrap-around
  etag          text NOT NULL,           -- without quotation marks
  about         json NOT NULL,           -- content headers, user metadata, checksums, parts
  tags          json,
  PRIMARY KEY (bucket, key, mtime_ns, size_bytes, inode)
);

CREATE TABLE bucket (
  name          text COLLATE "C" PRIMARY KEY,
  created_at    timestamptz NOT NULL DEFAULT now(),
  settings      jsonb NOT NULL DEFAULT '{}'   -- the configuration documents, by name
);

CREATE TABLE bucket_upload (
  id            text COLLATE "C" PRIMARY KEY,
  bucket        text COLLATE "C" NOT NULL,
  key           bytea NOT NULL,
  started_at    timestamptz NOT NULL DEFAULT now(),
  about         json NOT NULL,
  tags          json,
  algorithm     text NOT NULL,
  checksum_type text NOT NULL CHECK (checksum_type IN ('COMPOSITE', 'FULL_OBJECT'))
);
CREATE INDEX bucket_upload_by_key ON bucket_upload (bucket, key, id);

CREATE TABLE bucket_upload_part (
  upload_id     text COLLATE "C" NOT NULL REFERENCES bucket_upload ON DELETE CASCADE,
  number        int NOT NULL CHECK (number BETWEEN 1 AND 10000),
  file          text NOT NULL,           -- its name in the bucket's hidden folder
  size_bytes    bigint NOT NULL,
  etag          text NOT NULL,
  checksum      text NOT NULL,           -- base64, of the upload's algorithm
  uploaded_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (upload_id, number)
);

-- Changes of objects that a bucket's notification configuration asks for, in the order of their ids.
CREATE TABLE object_event (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            timestamptz NOT NULL DEFAULT now(),
  configuration text NOT NULL,           -- Id of the configuration that matched
  target        text NOT NULL,           -- ARN of the topic, queue or function, or `EventBridge`
  name          text NOT NULL,           -- ObjectCreated:Put, ObjectRemoved:Delete, ...
  bucket        text COLLATE "C" NOT NULL,
  key           bytea NOT NULL,
  size_bytes    bigint,
  etag          text
);
