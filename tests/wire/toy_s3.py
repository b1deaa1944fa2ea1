"""A dictionary behind the S3 door, and the door over HTTP: what a client and an operation see of the wire, and no more."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import boto3
import uvicorn
from botocore.config import Config

from glulam.model.caller import Caller
from glulam.model.s3_errors import NoSuchBucket, NoSuchKey
from glulam.model.streams import FileSlice
from glulam.wire import s3_presigned_v2, s3_signing
from glulam.wire.door import HttpRequest
from glulam.wire.places import Places
from glulam.wire.rest import RestService
from glulam.wire.rest_door import RestDoor
from glulam.wire.s3_signing import Payload
from glulam.wire.sigv4 import Request
from wire.signed import KEY_ID, SECRET, Known

AT = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass
class Toy:
    """As much of S3 as shows each way in which a member travels. `asked` is the last request that got through."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    refuse_put: bool = False


class ToyS3:
    def __init__(self, toy: Toy) -> None:
        self._toy = toy

    def put_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        if self._toy.refuse_put:
            raise NoSuchBucket(BucketName=asked["Bucket"])
        size, hasher, parts = 0, hashlib.md5(), []
        while piece := asked["Body"].read(1 << 20):
            hasher.update(piece)
            size += len(piece)
            if size <= 64 << 20:
                parts.append(piece)
        self._toy.asked, self._toy.checksums = dict(asked), asked["Body"].checksums()
        etag = f'"{hasher.hexdigest()}"'
        self._toy.objects[asked["Key"]] = {
            "data": b"".join(parts), "ETag": etag, "Metadata": asked.get("Metadata"), "size": size,
            "ContentType": asked.get("ContentType"),
        }  # fmt: skip
        return {"ETag": etag, **{f"Checksum{name}": value for name, value in self._toy.checksums.items()}}

    def get_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._toy.asked = dict(asked)
        found = self._found(asked)
        data = found["data"]
        body: Any = data if len(data) < 100 else FileSlice(file=BytesIO(data), offset=0, length=len(data))
        return {**self._head(found), "Body": body}

    def head_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self._head(self._found(asked))

    def list_objects_v2(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._toy.asked = dict(asked)
        contents = [{"Key": key, "Size": len(o["data"]), "ETag": o["ETag"], "LastModified": AT}
                    for key, o in sorted(self._toy.objects.items())]  # fmt: skip
        return {
            "Name": asked["Bucket"], "IsTruncated": False, "Contents": contents, "KeyCount": len(contents),
            "CommonPrefixes": [{"Prefix": "a b/"}], "EncodingType": asked.get("EncodingType"),
        }  # fmt: skip

    def delete_objects(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._toy.asked = dict(asked)
        for item in asked["Delete"]["Objects"]:
            self._toy.objects.pop(item["Key"], None)
        return {"Deleted": [{"Key": item["Key"]} for item in asked["Delete"]["Objects"]]}

    def delete_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._toy.objects.pop(asked["Key"], None)
        return {}

    def copy_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._toy.asked = dict(asked)
        return {"CopyObjectResult": {"ETag": '"x"', "LastModified": AT}}

    def upload_part(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        while asked["Body"].read(1 << 20):
            pass
        self._toy.asked = dict(asked)
        return {"ETag": '"part"'}

    def create_multipart_upload(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"Bucket": asked["Bucket"], "Key": asked["Key"], "UploadId": "u<1>"}

    def get_bucket_location(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"LocationConstraint": "eu-west-1"}

    def put_bucket_lifecycle_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self._toy.asked = dict(asked)

    def _found(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._toy.objects[asked["Key"]]
        except KeyError:
            raise NoSuchKey(Key=asked["Key"]) from None

    def _head(self, found: Mapping[str, Any]) -> dict[str, Any]:
        return {"ContentLength": found["size"], "ETag": found["ETag"], "LastModified": AT,
                "Metadata": found["Metadata"], "ContentType": found["ContentType"]}  # fmt: skip


class OneKeyGate:
    """Lets in who signs with the one key, for everything; notes (operation, outcome)."""

    def __init__(self) -> None:
        self.key = Known()
        self.noted: list[tuple[str, str]] = []

    def authenticate_stream(self, request: HttpRequest, host_bucket: str | None) -> tuple[Caller, Payload]:
        signed = Request(method=request.method, raw_path=request.raw_path, raw_query=request.raw_query,
                         headers=request.headers, body_sha256="")  # fmt: skip
        now = datetime.now(UTC)
        if s3_presigned_v2.is_presigned_v2(signed):
            found, payload = s3_presigned_v2.verify(signed, host_bucket, self._find, now)
        else:
            found, payload = s3_signing.verify(signed, self._find, now)
        caller = Caller(account_id="123456789012", region=found.region, arn="arn:aws:iam::123456789012:user/u",
                        role="admin", request_id=request.request_id)  # fmt: skip
        return caller, payload

    def _find(self, key_id: str) -> Known | None:
        return self.key if key_id == KEY_ID else None

    def touched(self, caller: Caller, service: str, operation: str, asked: Mapping[str, Any]) -> None:
        return None

    def sift(self, caller: Caller, touched: None, asked: dict[str, Any]) -> tuple[None, None]:
        return None, None

    def record(self, request: HttpRequest, caller: Caller | None, service: str, operation: str, touched: None,
               outcome: str, seconds: float) -> None:  # fmt: skip
        self.noted.append((operation, outcome))


@dataclass(frozen=True, kw_only=True)
class ToyServer:
    toy: Toy
    gate: OneKeyGate
    door: RestDoor
    port: int

    def client(self, **more: Any) -> Any:
        config = Config(retries={"total_max_attempts": 1}, **more.pop("config", {}))
        given = {"endpoint_url": f"http://localhost:{self.port}", "region_name": "eu-west-1", **more}
        return boto3.client(
            "s3", aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, config=config, **given
        )


@contextmanager
def toy_server() -> Iterator[ToyServer]:
    toy, gate = Toy(), OneKeyGate()
    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(4) as streams:
        door = RestDoor(RestService("s3", [ToyS3(toy)]), gate, Places(()), pool=pool, streams=streams,
                        max_body_bytes=1 << 20)  # fmt: skip
        web = uvicorn.Server(
            uvicorn.Config(door, port=0, log_level="warning", lifespan="off", access_log=False)
        )
        thread = threading.Thread(target=web.run, daemon=True)
        thread.start()
        while not web.started:
            time.sleep(0.01)
        port = web.servers[0].sockets[0].getsockname()[1]
        yield ToyServer(toy=toy, gate=gate, door=door, port=port)
        web.should_exit = True
        thread.join(10)
