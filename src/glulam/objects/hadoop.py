"""How Spark reaches `s3://bucket/key`: configuration of its file systems, nothing in a script changes.

On a local lake, a view file system stands where the S3 one would: each bucket's name is mounted on the bucket's folder.
On a real S3, s3:// is what Hadoop calls s3a:// (the jar hadoop-aws has to be on Spark's class path).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from glulam.objects.endpoint import s3_endpoint

SCHEMES = ("s3", "s3a", "s3n")
_VIEW = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"


def lake_conf(root: Path, buckets: Iterable[str]) -> dict[str, str]:
    """Hadoop's settings for a lake. A bucket that is not among `buckets` cannot be reached."""
    conf = {f"fs.{scheme}.impl": _VIEW for scheme in SCHEMES}
    conf["fs.file.impl"] = "org.apache.hadoop.fs.RawLocalFileSystem"  # no .crc files beside the data
    for bucket in buckets:
        conf[mount(bucket)] = (root.absolute() / bucket).as_uri()
    return conf


def mount(bucket: str) -> str:
    """The setting that says which folder a bucket is."""
    return f"fs.viewfs.mounttable.{bucket}.linkFallback"


def buckets_of(root: Path) -> list[str]:
    return (
        sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
        if root.is_dir()
        else []
    )


def s3_conf(env: Mapping[str, str]) -> dict[str, str]:
    """Hadoop's settings for the S3 that the usual AWS variables name."""
    conf = {f"fs.{scheme}.impl": _S3A for scheme in SCHEMES}
    if endpoint := s3_endpoint(env):
        conf["fs.s3a.endpoint"] = endpoint
        conf["fs.s3a.path.style.access"] = "true"
    if region := env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"):
        conf["fs.s3a.endpoint.region"] = region
    return conf
