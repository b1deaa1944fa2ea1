"""The policies of buckets as a server's requests ask for them: all of them read at once, and remembered for a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from glulam.access.policies import Policy, parse_bucket_policy
from glulam.access.remembered import Remembered


@dataclass(frozen=True, kw_only=True)
class _All:
    policies: Mapping[str, Policy]


class BucketPolicies:
    """Safe to share between threads. `read` gives {bucket: its policy's text}."""

    def __init__(self, read: Callable[[], Mapping[str, str]], *, monotonic: Callable[[], float]) -> None:
        self._read = read
        self._known: Remembered[str, _All] = Remembered(monotonic)

    def of(self, bucket: str) -> Policy | None:
        """At most a few seconds old."""
        found = self._known.get("all", self._load)
        return None if found is None else found.policies.get(bucket)

    def forget(self) -> None:
        """Call it after a change in this process, once it is committed."""
        self._known.forget("all")

    def _load(self, _: str) -> _All:
        return _All(
            policies={bucket: parse_bucket_policy(text, bucket) for bucket, text in self._read().items()}
        )
