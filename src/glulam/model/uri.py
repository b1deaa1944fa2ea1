"""`s3://bucket/key` as a value. The same form names objects on a local lake and on a real S3."""

from __future__ import annotations

from dataclasses import dataclass

from glulam.model.errors import InvalidInput


@dataclass(frozen=True, slots=True, order=True)
class S3Uri:
    """An object, or a prefix when `key` is empty or ends with a slash."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Parse `s3://bucket/key` (also s3a:// and s3n://). Raises InvalidInput for anything else."""
        scheme, sep, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if not sep or scheme not in ("s3", "s3a", "s3n") or not bucket:
            raise InvalidInput(f"not an object URI: {text!r}; expected s3://bucket/key")
        return cls(bucket, key)

    def join(self, *parts: str) -> S3Uri:
        """The URI with `parts` appended to the key, one slash between them."""
        pieces = [self.key.rstrip("/")] if self.key else []
        return S3Uri(self.bucket, "/".join([p for p in pieces if p] + [p.lstrip("/") for p in parts if p]))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
