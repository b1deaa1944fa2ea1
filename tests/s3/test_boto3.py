"""boto3's client, resource and transfer manager; who may do what; what lies on the disk."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from cli.conftest import ROOT, START
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from s3.conftest import Server

pytestmark = pytest.mark.xdist_group("s3clients")


def refused(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def test_objects_are_plain_files(server: Server, s3: Any, bucket: str) -> None:
    tagging = {"Metadata": {"owner": "me"}, "Tagging": "a=1&b=x%20y", "ContentType": "application/json"}
    put = s3.put_object(Bucket=bucket, Key="raw/2025/a.json", Body=b'{"n": 1}', **tagging)
    file = server.lake / bucket / "raw" / "2025" / "a.json"
    assert file.read_text() == '{"n": 1}'
    head = s3.head_object(Bucket=bucket, Key="raw/2025/a.json")
    assert (head["ETag"], head["ContentType"]) == (put["ETag"], "application/json")
    assert head["Metadata"] == {"owner": "me"}
    tags = s3.get_object_tagging(Bucket=bucket, Key="raw/2025/a.json")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
    file.write_text('{"n": 2222}')  # by hand
    changed = s3.head_object(Bucket=bucket, Key="raw/2025/a.json")
    assert changed["ETag"] != put["ETag"]
    assert changed["Metadata"] == {}
    assert s3.get_object(Bucket=bucket, Key="raw/2025/a.json")["Body"].read() == b'{"n": 2222}'
    (server.lake / bucket / "raw" / "new.txt").write_text("x")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="raw/", Delimiter="/")
    assert [o["Key"] for o in listed["Contents"]] == ["raw/new.txt"]
    assert listed["CommonPrefixes"] == [{"Prefix": "raw/2025/"}]


def test_ranges_and_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=bytes(range(200)))["ETag"]
    part = s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-19")
    assert part["Body"].read() == bytes(range(10, 20))
    assert (part["ContentRange"], part["ResponseMetadata"]["HTTPStatusCode"]) == ("bytes 10-19/200", 206)
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=200-") == "InvalidRange"
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == "304"
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*") == "PreconditionFailed"
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", IfMatch='"other"') == "PreconditionFailed"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)["ETag"] != etag


def test_transfer_manager(server: Server, s3: Any, bucket: str, tmp_path: Path) -> None:
    data, config = (
        os.urandom(23_000_000),
        TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=6 << 20),
    )
    s3.upload_fileobj(io.BytesIO(data), bucket, "long", Config=config, ExtraArgs={"Metadata": {"a": "b"}})
    assert (server.lake / bucket / "long").read_bytes() == data
    s3.download_file(bucket, "long", str(tmp_path / "back"), Config=config)
    assert (tmp_path / "back").read_bytes() == data
    head = s3.head_object(Bucket=bucket, Key="long", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-4"')
    s3.copy({"Bucket": bucket, "Key": "long"}, bucket, "copy", Config=config)
    assert (server.lake / bucket / "copy").read_bytes() == data
    whole = s3.get_object_attributes(
        Bucket=bucket, Key="long", ObjectAttributes=["ObjectParts", "ObjectSize"]
    )
    assert (whole["ObjectSize"], whole["ObjectParts"]["TotalPartsCount"]) == (len(data), 4)


def test_resource(server: Server, bucket: str) -> None:
    resource = boto3.resource("s3", endpoint_url=server.url, region_name="eu-west-1",
                              aws_access_key_id=DEVELOPMENT_ID, aws_secret_access_key=DEVELOPMENT_SECRET)  # fmt: skip
    mine = resource.Bucket(bucket)
    for number in range(1_050):
        mine.put_object(Key=f"many/{number:04d}", Body=b"")
    assert [o.key for o in mine.objects.filter(Prefix="many/")] == [f"many/{n:04d}" for n in range(1_050)]
    assert mine in list(resource.buckets.all())
    mine.objects.all().delete()
    assert list(mine.objects.all()) == []
    mine.delete()


def test_many_writers_of_one_key(s3: Any, bucket: str) -> None:
    bodies = [bytes([n]) * 50_000 for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            etags = list(pool.map(lambda b: s3.put_object(Bucket=bucket, Key="k", Body=b)["ETag"], bodies))
            found = s3.get_object(Bucket=bucket, Key="k")
            body = found["Body"].read()
            assert found["ETag"] == etags[bodies.index(body)]


def test_temporary_keys_and_roles(server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    token = server.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    assert server.client(credentials=token).get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(server.client("sts", token).get_session_token) == "AccessDenied"
    assert refused(server.client(credentials={**token, "SessionToken": "x"}).list_buckets) == "InvalidToken"
    clients = {
        role: server.client(credentials=made_key(server, role)) for role in ("viewer", "author", "admin")
    }
    for role, client in clients.items():
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        assert len(client.list_objects_v2(Bucket=bucket)["Contents"]) == 1
        lifecycle = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 9}}]}
        put = {"Bucket": bucket, "LifecycleConfiguration": lifecycle}
        if role == "viewer":
            assert refused(client.put_object, Bucket=bucket, Key="k", Body=b"y") == "AccessDenied"
            assert refused(client.put_object, Bucket=bucket, Key="k", Body=bytes(5_000_000)) == "AccessDenied"
            answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
            assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("k", "AccessDenied")]
            assert "Deleted" not in answer
            assert (
                refused(client.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
                == "AccessDenied"
            )
        if role == "author":
            client.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
            client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}]})
        if role == "admin":
            client.put_bucket_lifecycle_configuration(**put)
        else:
            assert refused(client.put_bucket_lifecycle_configuration, **put) == "AccessDenied"
            assert refused(client.delete_bucket, Bucket=bucket) == "AccessDenied"
    assert (
        refused(s3.get_object, Bucket=bucket, Key="k", ExpectedBucketOwner="999999999999") == "AccessDenied"
    )
    outcomes = audited(server, bucket)
    assert ("viewer", "PutObject", "AccessDenied", [f"arn:aws:s3:::{bucket}/k"]) in outcomes
    assert ("author", "DeleteObjects", "OK", [f"arn:aws:s3:::{bucket}/c"]) in outcomes
    assert ("viewer", "DeleteObjects", "AccessDenied", [f"arn:aws:s3:::{bucket}/k"]) in outcomes
    assert (
        "author",
        "CopyObject",
        "OK",
        [f"arn:aws:s3:::{bucket}/c", f"arn:aws:s3:::{bucket}/k"],
    ) in outcomes


def glulam(server: Server, *words: str) -> Any:
    """What the command says about the server's installation."""
    env = {**os.environ, "GLULAM_HOME": str(server.home), "GLULAM_LAKE": str(server.lake),
           "PYTHONPATH": str(ROOT / "src")}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", START, *words, "--json"], env=env, text=True, capture_output=True,
                          timeout=120, check=False, cwd=server.home.parent)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def made_key(server: Server, role: str) -> dict[str, str]:
    found = glulam(server, "keys", "create", "--user", role, "--role", role)["key"]
    return {"AccessKeyId": found["aws_access_key_id"], "SecretAccessKey": found["aws_secret_access_key"]}


def audited(server: Server, bucket: str) -> list[tuple[str, str, str, list[str]]]:
    """(user, operation, outcome, resources) of what was asked of that bucket."""
    time.sleep(1)  # rows are written within half a second
    rows = glulam(server, "audit", "--limit", "500")["rows"]
    return [(row["principal"].rpartition("/")[2], row["operation"], row["outcome"], row["resources"])
            for row in rows if any(bucket in arn for arn in row["resources"])]  # fmt: skip


def test_what_is_not_there(server: Server, s3: Any, bucket: str) -> None:
    assert refused(s3.get_object, Bucket=bucket, Key="no") == "NoSuchKey"
    assert refused(s3.put_object, Bucket="no-such-bucket", Key="k", Body=b"") == "NoSuchBucket"
    assert refused(s3.put_object, Bucket="no-such-bucket", Key="k", Body=bytes(9_000_000)) == "NoSuchBucket"
    assert refused(s3.create_bucket, Bucket=bucket,
                   CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}) == "BucketAlreadyOwnedByYou"  # fmt: skip
    assert refused(s3.put_bucket_website, Bucket=bucket,
                   WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}}) == "NotImplemented"  # fmt: skip
    assert refused(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId="no",
                   MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]}) == "NoSuchUpload"  # fmt: skip
    wrong = server.client(credentials={"AccessKeyId": DEVELOPMENT_ID, "SecretAccessKey": "x"})
    assert refused(wrong.list_buckets) == "SignatureDoesNotMatch"
    unknown = server.client(credentials={"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": "x"})
    assert refused(unknown.list_buckets) == "InvalidAccessKeyId"


def test_the_other_services_of_the_port(server: Server) -> None:
    assert server.client("glue").get_databases()["DatabaseList"] == []
    assert server.client("sts").get_caller_identity()["Arn"].endswith(":user/development")
    assert refused(server.client("sts").assume_role, RoleArn="arn:aws:iam::123456789012:role/x",
                   RoleSessionName="xy") == "NotImplemented"  # fmt: skip


def test_bucket_policies(server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="closed/k", Body=b"x")
    assert refused(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    viewer = server.client(credentials=made_key(server, "viewer"))
    who, all_ = "arn:aws:iam::123456789012:user/viewer", f"arn:aws:s3:::{bucket}"
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*Object", "Resource": f"{all_}/closed/*"},
        {"Effect": "Allow", "Principal": {"AWS": who}, "Action": ["s3:PutObject", "s3:DeleteObject"],
         "Resource": f"{all_}/open/*"},
    ]}  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    viewer.put_object(Bucket=bucket, Key="open/new", Body=b"y")
    assert refused(viewer.put_object, Bucket=bucket, Key="else/new", Body=b"y") == "AccessDenied"
    assert refused(viewer.put_object, Bucket=bucket, Key="open", Body=b"y") == "AccessDenied"
    for client in (viewer, s3):
        assert refused(client.get_object, Bucket=bucket, Key="closed/k") == "AccessDenied"
        assert (
            refused(client.copy_object, Bucket=bucket, Key="open/c", CopySource=f"{bucket}/closed/k")
            == "AccessDenied"
        )
    both = {"Objects": [{"Key": "open/new"}, {"Key": "closed/k"}, {"Key": "else/k"}]}
    answer = viewer.delete_objects(Bucket=bucket, Delete=both)
    assert [one["Key"] for one in answer["Deleted"]] == ["open/new"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [
        ("closed/k", "AccessDenied"), ("else/k", "AccessDenied"),
    ]  # fmt: skip
    assert refused(s3.get_object, Bucket=bucket, Key="open/new") == "NoSuchKey"
    elsewhere = json.dumps(policy).replace(all_, "arn:aws:s3:::another")
    conditional = json.dumps({**policy, "Statement": [{**policy["Statement"][0], "Condition": {}}]})
    for wrong in ("{", elsewhere, conditional):
        assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=wrong) == "MalformedPolicy"
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="closed/k")["Body"].read() == b"x"
    assert refused(viewer.put_object, Bucket=bucket, Key="open/new", Body=b"y") == "AccessDenied"
