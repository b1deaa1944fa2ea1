"""The S3 door over HTTP, with boto3 and with bare sockets: what is said arrives, what is wrong is named as S3 names it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from wire.signed import KEY_ID
from wire.toy_s3 import AT, ToyServer, toy_server


@pytest.fixture(scope="module")
def running() -> Iterator[ToyServer]:
    with toy_server() as found:
        yield found


@pytest.fixture
def server(running: ToyServer) -> ToyServer:
    running.toy.objects.clear()
    running.toy.refuse_put = False
    return running


V4 = {"signature_version": "s3v4"}
"""botocore presigns by Version 2 otherwise."""


def code_of(call: Any, **asked: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    found = caught.value.response
    return found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_an_object_there_and_back(server: ToyServer, style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo  # not every resolver knows the names below localhost
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: look_up("127.0.0.1", *rest, **more)
    )
    s3 = server.client(config={"s3": {"addressing_style": style}})
    key = "a b/ü%2F+//../x&<>?#.json"
    put = s3.put_object(Bucket="raw", Key=key, Body=b"hello", Metadata={"One": "1", "two": "b c"},
                        ContentType="text/plain", ContentEncoding="gzip")  # fmt: skip
    assert server.toy.asked["Key"] == key
    assert server.toy.asked["Bucket"] == "raw"
    assert server.toy.asked["Metadata"] == {"one": "1", "two": "b c"}
    assert server.toy.asked["ContentEncoding"] == "gzip"
    assert put["ChecksumCRC32"]
    assert dict(server.toy.checksums) == {"CRC32": put["ChecksumCRC32"]}
    got = s3.get_object(Bucket="raw", Key=key, ResponseContentType="x/y")
    assert got["Body"].read() == b"hello"
    assert got["Metadata"] == {"one": "1", "two": "b c"}
    assert server.toy.asked["ResponseContentType"] == "x/y"
    head = s3.head_object(Bucket="raw", Key=key)
    assert head["ContentLength"] == 5
    assert head["LastModified"] == AT
    assert head["ETag"] == put["ETag"]
    assert head["ResponseMetadata"]["RequestId"]
    assert head["ResponseMetadata"]["HostId"]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_every_checksum_is_verified(server: ToyServer, algorithm: str) -> None:
    s3 = server.client()
    put = s3.put_object(Bucket="b", Key="k", Body=b"hello" * 1000, ChecksumAlgorithm=algorithm)
    right = put[f"Checksum{algorithm}"]
    assert s3.put_object(Bucket="b", Key="k", Body=b"hello" * 1000, **{f"Checksum{algorithm}": right})
    asked = {"Bucket": "b", "Key": "bad", "Body": b"other", f"Checksum{algorithm}": right}
    assert code_of(s3.put_object, **asked) == ("BadDigest", 400)
    asked[f"Checksum{algorithm}"] = "abc="
    assert code_of(s3.put_object, **asked) == ("InvalidRequest", 400)
    assert "bad" not in server.toy.objects


def test_a_long_body_streams_both_ways(server: ToyServer) -> None:
    s3, data = server.client(), bytes(range(256)) * 40_000
    s3.put_object(Bucket="b", Key="long", Body=data)
    assert server.toy.objects["long"]["data"] == data
    assert s3.get_object(Bucket="b", Key="long")["Body"].read() == data
    wrong = "AAAAAA=="
    assert code_of(s3.put_object, Bucket="b", Key="no", Body=data, ChecksumCRC32=wrong) == ("BadDigest", 400)
    assert "no" not in server.toy.objects


def test_an_upload_that_is_refused_before_its_body(server: ToyServer) -> None:
    server.toy.refuse_put = True
    s3, data = server.client(), bytes(30 << 20)
    for _ in range(3):
        assert code_of(s3.put_object, Bucket="b", Key="k", Body=data) == ("NoSuchBucket", 404)
    server.toy.refuse_put = False
    assert s3.put_object(Bucket="b", Key="k", Body=data)


def test_lists_and_xml(server: ToyServer) -> None:
    s3 = server.client()
    names = ["plain", "with space", "a\x01b", "<&>\"'", "ü/日本", "plus+%2B"]
    for name in names:
        s3.put_object(Bucket="b", Key=name, Body=b"")
    found = s3.list_objects_v2(Bucket="b", Prefix="p+ %/", MaxKeys=7, FetchOwner=True)
    assert [o["Key"] for o in found["Contents"]] == sorted(names)
    assert found["Contents"][0]["LastModified"] == AT
    assert found["CommonPrefixes"] == [{"Prefix": "a b/"}]
    asked = server.toy.asked
    assert (asked["Prefix"], asked["MaxKeys"], asked["FetchOwner"]) == ("p+ %/", 7, True)
    gone = s3.delete_objects(Bucket="b", Delete={"Objects": [{"Key": n} for n in names if "\x01" not in n]})
    assert len(gone["Deleted"]) == 5
    assert list(server.toy.objects) == ["a\x01b"]
    assert s3.get_bucket_location(Bucket="b")["LocationConstraint"] == "eu-west-1"
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket="b", LifecycleConfiguration={"Rules": [rule]})
    assert server.toy.asked["LifecycleConfiguration"] == {"Rules": [rule]}


def test_which_operation(server: ToyServer) -> None:
    s3 = server.client()
    s3.copy_object(Bucket="b", Key="k", CopySource={"Bucket": "a", "Key": "x y"}, MetadataDirective="REPLACE")
    assert server.toy.asked["CopySource"] == "a/x%20y"
    s3.upload_part(Bucket="b", Key="k", PartNumber=3, UploadId="u", Body=b"part")
    assert (server.toy.asked["PartNumber"], server.toy.asked["UploadId"]) == (3, "u")
    assert s3.create_multipart_upload(Bucket="b", Key="k")["UploadId"] == "u<1>"
    assert code_of(s3.get_object_acl, Bucket="b", Key="k") == ("NotImplemented", 501)
    assert code_of(s3.list_parts, Bucket="b", Key="k", UploadId="u") == ("NotImplemented", 501)
    assert [name for name, _ in server.gate.noted[-5:]] == [
        "CopyObject", "UploadPart", "CreateMultipartUpload", "GetObjectAcl", "ListParts",
    ]  # fmt: skip


def test_a_word_of_another_operation_is_no_plainer_one(server: ToyServer) -> None:
    find = server.door.service.find
    key = ("Bucket", "Key")
    for method, target, query, expected in [
        ("DELETE", key, {"tagging": ""}, "DeleteObjectTagging"),
        ("DELETE", key, {"acl": ""}, "MethodNotAllowed"),
        ("DELETE", ("Bucket",), {"versioning": ""}, "MethodNotAllowed"),
        ("DELETE", ("Bucket",), {"lifecycle": ""}, "DeleteBucketLifecycle"),
        ("PUT", ("Bucket",), {"lifecycle": ""}, "PutBucketLifecycleConfiguration"),
        ("GET", ("Bucket",), {"notification": ""}, "GetBucketNotificationConfiguration"),
        ("PUT", key, {"uploadId": "u"}, "InvalidRequest"),
        ("PUT", key, {"uploadId": "u", "partNumber": "1"}, "UploadPart"),
        ("GET", key, {"partNumber": "1"}, "GetObject"),
        ("GET", (), {}, "ListBuckets"),
        ("POST", ("Bucket",), {}, "MethodNotAllowed"),
        ("PUT", (), {}, "MethodNotAllowed"),
        ("PUT", key, {"x-id": "PutObject"}, "PutObject"),
        ("GET", ("Bucket",), {"list-type": "2"}, "ListObjectsV2"),
        ("GET", ("Bucket",), {"prefix": "2"}, "ListObjects"),
    ]:
        try:
            found = find(method, target, query, {}).name
        except Exception as error:
            found = getattr(error, "code", repr(error))
        assert found == expected, (method, target, query)


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_presigned_urls(server: ToyServer, version: str, style: str) -> None:
    s3 = server.client(config={"signature_version": version, "s3": {"addressing_style": style}})

    def there(url: str) -> Request:
        """botocore made it for a name that not every resolver knows."""
        parts = urlsplit(url)
        found = Request(parts._replace(netloc=f"localhost:{server.port}").geturl())
        found.add_header("Host", parts.netloc)
        return found

    asked = {"Bucket": "b", "Key": "p q/ü"}
    put = there(s3.generate_presigned_url("put_object", asked | {"ContentType": "x/y"}, ExpiresIn=60))
    put.data, put.method = b"by url", "PUT"
    put.add_header("Content-Type", "x/y")
    with urlopen(put) as answer:
        assert answer.status == 200
    assert server.toy.asked["ContentType"] == "x/y"
    url = s3.generate_presigned_url("get_object", asked | {"ResponseContentType": "a/b"}, ExpiresIn=60)
    with urlopen(there(url)) as answer:
        assert answer.read() == b"by url"
    assert server.toy.asked["ResponseContentType"] == "a/b"
    late = s3.generate_presigned_url("get_object", asked, ExpiresIn=-1 if version == "s3" else 604_801)
    for wrong, code in [
        (url.replace("a%2Fb", "a%2Fc"), b"SignatureDoesNotMatch"),
        (url.replace("p%20q", "p%20r"), b"SignatureDoesNotMatch"),
        (url + "&prefix=x", b"SignatureDoesNotMatch" if version == "s3v4" else b"AccessDenied"),
        (url.replace(KEY_ID, "AKIAIOSFODNN7EXAMPLF"), b"InvalidAccessKeyId"),
        (late, b"AuthorizationQueryParametersError" if version == "s3v4" else b"AccessDenied"),
    ]:
        with pytest.raises(HTTPError) as caught:
            urlopen(there(wrong))
        assert b"<Code>" + code + b"</Code>" in caught.value.read()


def test_an_error_is_s3s_xml(server: ToyServer) -> None:
    s3 = server.client()
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="b", Key="no<&>")
    found = caught.value.response
    assert found["Error"] == {"Code": "NoSuchKey", "Message": "The specified key does not exist.", "Key": "no<&>",
                              "Resource": "/b/no%3C%26%3E"}  # fmt: skip
    assert found["ResponseMetadata"]["HostId"] == f"glulam/{found['ResponseMetadata']['RequestId']}"
    assert code_of(s3.head_object, Bucket="b", Key="no") == ("404", 404)
    assert server.gate.noted[-1] == ("HeadObject", "NoSuchKey")


def test_wrong_values(server: ToyServer) -> None:
    s3 = server.client(config={"parameter_validation": False})
    assert (
        code_of(s3.copy_object, Bucket="b", Key="k", CopySource="a/b", MetadataDirective="EAT")[0]
        == "InvalidArgument"
    )
    assert (
        code_of(s3.put_object, Bucket="b", Key="k", Body=b"", StorageClass="COLD")[0] == "InvalidStorageClass"
    )
    assert code_of(s3.list_objects_v2, Bucket="b", MaxKeys=1 << 40)[0] == "InvalidArgument"
    assert code_of(s3.put_bucket_lifecycle_configuration, Bucket="b", LifecycleConfiguration={
        "Rules": [{"Status": "Sometimes", "Prefix": ""}]})[0] == "MalformedXML"  # fmt: skip
    assert code_of(s3.delete_objects, Bucket="b", Delete={})[0] == "MalformedXML"


def test_the_client_waits_for_100_and_is_refused(server: ToyServer) -> None:
    url = urlsplit(
        server.client(config=V4).generate_presigned_url("put_object", Params={"Bucket": "b", "Key": "k"})
    )
    with socket.create_connection(("localhost", server.port), timeout=10) as sock:
        sock.sendall(
            f"PUT {url.path}?{url.query}x HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 50000000\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"SignatureDoesNotMatch" in answer
    assert b"100 Continue" not in answer


def test_a_body_that_breaks_off(server: ToyServer) -> None:
    for length in (1000, 5_000_000):
        before = len(server.gate.noted)
        url = urlsplit(
            server.client(config=V4).generate_presigned_url("put_object", Params={"Bucket": "b", "Key": "k"})
        )
        with socket.create_connection(("localhost", server.port), timeout=10) as sock:
            head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {length}\r\n\r\n"
            sock.sendall(head.encode() + b"x" * (length - 10))
        for _ in range(200):
            if len(server.gate.noted) > before:
                break
            time.sleep(0.02)
        assert server.gate.noted[before:] == [("PutObject", "IncompleteBody")]
    assert server.toy.objects == {}
