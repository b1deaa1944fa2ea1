"""Bucket and key of a request: in its path, or the bucket before a host name that is ours.

http://localhost:5150/raw/a/b.json       path style
http://raw.localhost:5150/a/b.json       virtual-host style
http://raw.s3.localhost:5150/a/b.json    the same, as clients write it that put `s3` before an endpoint's name
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from glulam.model.s3_errors import InvalidURI

_S3 = re.compile(r"(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)?")


class Places:
    """Tells where a request points."""

    def __init__(self, own_names: Iterable[str]) -> None:
        """`own_names`: host names under which we are known; `localhost` always is one."""
        names = {name.lower().rstrip(".") for name in own_names if name} | {"localhost"}
        self._suffixes = tuple(f".{name}" for name in sorted(names, key=len, reverse=True))

    def bucket_of_host(self, host: str) -> str | None:
        """The bucket that the Host header names; None when that is ours alone."""
        bare = host.lower().rpartition(":")[0] if re.search(r":\d*$", host) else host.lower()
        suffix = next((s for s in self._suffixes if bare.endswith(s)), None)
        if suffix is None:
            return None
        before = bare.removesuffix(suffix)
        if match := _S3.fullmatch(before):
            return match[1]
        return before

    @staticmethod
    def of(host_bucket: str | None, raw_path: str) -> dict[str, str]:
        """`Bucket` and `Key`, those that there are, in this order. Raises InvalidURI."""
        bucket, path = host_bucket, raw_path.removeprefix("/")
        if bucket is None:
            first, _, path = path.partition("/")
            bucket = _text(first)
        place = {"Bucket": bucket} if bucket else {}
        if path:
            if not bucket:
                raise InvalidURI
            place["Key"] = _text(path)
        return place


def _text(raw: str) -> str:
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidURI("The path is not percent-encoded UTF-8.") from error
