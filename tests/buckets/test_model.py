"""A random sequence of operations does what it does to a dictionary."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from buckets.conftest import Client
from glulam.buckets.store import BucketStore
from glulam.model.s3_errors import S3Error

PIECES = st.sampled_from(
    ["a", "b", "a.b", "a-", "a0", "", ".", "..", "_~a@", "é", "e\u0301", "x.tmp~", "A", "z" * 260, "\0"]
)
KEYS = st.lists(PIECES, min_size=1, max_size=3).map("/".join).filter(bool)
CONTENTS = st.binary(max_size=4)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, CONTENTS),
        st.tuples(st.just("put_new"), KEYS, CONTENTS),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("copy"), KEYS, KEYS),
        st.tuples(st.just("by_hand"), st.sampled_from(["a", "b", "d/a", "d/b"]), CONTENTS),
        st.tuples(st.just("read"), KEYS),
    ),
    max_size=14,
)
LISTS = st.fixed_dictionaries(
    {
        "Prefix": st.one_of(st.just(""), KEYS, st.sampled_from(["a/", "/", "z" * 255])),
        "Delimiter": st.sampled_from(["", "/", "a", "//", "e\u0301"]),
        "StartAfter": st.one_of(st.just(""), KEYS),
        "MaxKeys": st.integers(1, 4),
    }
)
_numbers = count(1)


class Dictionary:
    """What S3 is, with nothing to it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, content: bytes) -> str:
        self.objects[key] = content
        return "done"

    by_hand = put

    def put_new(self, key: str, content: bytes) -> str:
        return "PreconditionFailed" if key in self.objects else self.put(key, content)

    def delete(self, key: str) -> str:
        self.objects.pop(key, None)
        return "done"

    def copy(self, source: str, target: str) -> str:
        if source not in self.objects:
            return "NoSuchKey"
        return "InvalidRequest" if source == target else self.put(target, self.objects[source])

    def read(self, key: str) -> bytes | str:
        return self.objects.get(key, "NoSuchKey")

    def list(self, asked: Mapping[str, Any]) -> list[str]:
        prefix, delimiter, after = asked["Prefix"], asked["Delimiter"], asked["StartAfter"]
        found: list[str] = []
        for key in sorted(self.objects, key=str.encode):
            if not key.startswith(prefix) or key <= after:
                continue
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            line = key if at < 0 else key[: at + len(delimiter)]
            if line not in found and (at < 0 or line != after):
                found.append(line)
        return found


class Lake:
    """The same words for the store under test."""

    def __init__(self, client: Client, bucket: str, folder: Path) -> None:
        self.client, self.bucket, self.folder = client, bucket, folder

    def put(self, key: str, content: bytes) -> str:
        self.client.put(key, content, bucket=self.bucket)
        return "done"

    def put_new(self, key: str, content: bytes) -> str:
        self.client.put(key, content, bucket=self.bucket, IfNoneMatch="*")
        return "done"

    def by_hand(self, key: str, content: bytes) -> str:
        path = self.folder / key
        if path.is_dir() or path.parent.is_file():
            return self.put(key, content)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return "done"

    def delete(self, key: str) -> str:
        self.client.delete_object(Bucket=self.bucket, Key=key)
        return "done"

    def copy(self, source: str, target: str) -> str:
        self.client.copy_object(Bucket=self.bucket, Key=target, CopySource=quote(f"{self.bucket}/{source}"))
        return "done"

    def read(self, key: str) -> bytes:
        return self.client.read(key, bucket=self.bucket)

    def list(self, asked: Mapping[str, Any]) -> list[str]:
        """All pages; a page is in order, keys and common prefixes together."""
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self.client.list_objects_v2(Bucket=self.bucket, **asked, **more)
            lines = sorted(
                [o["Key"] for o in page["Contents"]] + [p["Prefix"] for p in page["CommonPrefixes"]],
                key=str.encode,
            )
            assert len(lines) == page["KeyCount"] <= asked["MaxKeys"]
            found += lines
            if not page["IsTruncated"]:
                return found
            assert base64.urlsafe_b64decode(page["NextContinuationToken"]).decode() == lines[-1]
            more = {"ContinuationToken": page["NextContinuationToken"]}


def _outcome(kind: Any, operation: tuple[Any, ...]) -> Any:
    try:
        return getattr(kind, operation[0])(*operation[1:])
    except S3Error as error:
        return error.code


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, lists=st.lists(LISTS, max_size=4))
@example(operations=[("put", "a/b", b""), ("by_hand", "a", b"1"), ("put", "a", b"2")], lists=[])
@example(
    operations=[("put", "a/b/c", b""), ("put", "a/c", b"")],
    lists=[{"Prefix": "", "Delimiter": "/", "StartAfter": "a/b/", "MaxKeys": 1}],
)
@example(operations=[("put", "z" * 260, b"1"), ("put", "z" * 260 + "/a", b"2")], lists=[])
def test_as_a_dictionary_does(
    store: BucketStore, lake: Path, operations: list[tuple[Any, ...]], lists: list[dict[str, Any]]
) -> None:
    bucket = f"bucket-{next(_numbers)}"
    client = Client(store)
    client.create_bucket(Bucket=bucket)
    model, real = Dictionary(), Lake(client, bucket, lake / bucket)
    for operation in operations:
        assert _outcome(real, operation) == _outcome(model, operation), operation
        assert real.list({"Prefix": "", "Delimiter": "", "StartAfter": "", "MaxKeys": 1000}) == sorted(
            model.objects
        )
    for asked in lists:
        assert real.list(asked) == model.list(asked), asked
    for key, content in model.objects.items():
        assert real.read(key) == content
