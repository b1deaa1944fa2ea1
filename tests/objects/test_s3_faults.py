"""S3 behind a network that fails: a verb gets through or raises StorageFailed, nothing is lost or damaged,
and doing it again succeeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

from faultproxy import Fault, FaultProxy, Rule
from glulam.model.errors import GlulamError, ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.s3 import S3Store
from glulam.objects.s3parts import SINGLE_REQUEST_BYTES
from objects.conftest import Zone, s3_store
from s3server import s3_client

CONTENT = b"0123456789" * 1000
QUICK = [Fault.ERROR_500, Fault.SLOW_DOWN_503, Fault.DROP_BEFORE, Fault.DROP_AFTER]


@pytest.fixture(scope="session")
def any_proxy(s3_endpoint: str) -> Iterator[FaultProxy]:
    with FaultProxy(s3_endpoint) as found:
        yield found


@pytest.fixture
def proxy(any_proxy: FaultProxy, s3_env: str, monkeypatch: pytest.MonkeyPatch) -> FaultProxy:
    any_proxy.clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", any_proxy.url)
    # botocore waits up to a second before each retry: hundreds of them would be minutes.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    return any_proxy


@pytest.fixture(params=["whole", "in parts"])
def zone(request: pytest.FixtureRequest, s3_bucket: str, proxy: FaultProxy, tmp_path: Path) -> Zone:
    limit = SINGLE_REQUEST_BYTES if request.param == "whole" else 2
    return Zone(s3_store(limit), s3_bucket, tmp_path / "scratch")


def _put(zone: Zone) -> None:
    zone.write("new", CONTENT)


def _put_new(zone: Zone) -> None:
    """What a caller that redoes an exclusive put does: read it again when it is there already."""
    try:
        zone.write("new", CONTENT, overwrite=False)
    except ObjectChanged:
        assert zone.read("new") == CONTENT


def _move(zone: Zone) -> None:
    zone.store.move(zone.uri("a"), zone.uri("done/a"), _first_etag)


def _copy(zone: Zone) -> None:
    zone.store.copy(zone.uri("a"), zone.uri("done/a"), _first_etag)


def _delete(zone: Zone) -> None:
    zone.store.delete(zone.uri("a"), _first_etag)


def _delete_prefix(zone: Zone) -> None:
    zone.store.delete_prefix(zone.uri("many/"))


def _list(zone: Zone) -> None:
    assert len(zone.keys("many/", page_size=3)) == 10


def _fetch(zone: Zone) -> None:
    assert zone.store.fetch(zone.uri("a"), _first_etag, zone.scratch / "spool").read_bytes() == CONTENT


_first_etag = ""
Verb = Callable[[Zone], None]
WRITES: list[Verb] = [_put, _put_new, _move, _copy]
VERBS = [("whole", verb) for verb in (*WRITES, _delete, _delete_prefix, _list, _fetch)]
VERBS += [("in parts", verb) for verb in WRITES]
EACH_VERB = pytest.mark.parametrize(
    ("zone", "verb"), VERBS, indirect=["zone"], ids=[f"{verb.__name__[1:]} {how}" for how, verb in VERBS]
)


def _prepare(zone: Zone, proxy: FaultProxy) -> None:
    """The object `a`, ten below `many/`, nothing else, and a proxy that behaves."""
    global _first_etag
    proxy.clear()
    there = set(zone.keys())
    if "a" not in there:
        _first_etag = zone.write("a", CONTENT).etag
    for key in {f"many/{number}" for number in range(10)} - there:
        zone.write(key, b"x")
    for key in there & {"done/a", "new"}:
        zone.store.delete(zone.uri(key))
    proxy.clear()


def _contents(zone: Zone, s3_env: str) -> dict[str, bytes]:
    """What the bucket really holds."""
    direct = s3_client(s3_env)
    listed = direct.list_objects_v2(Bucket=zone.bucket).get("Contents", [])
    keys = [found["Key"] for found in listed if not found["Key"].startswith("many/")]
    return {key: direct.get_object(Bucket=zone.bucket, Key=key)["Body"].read() for key in keys}


@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.name)
@EACH_VERB
def test_one_failure_at_each_request_is_got_over(
    zone: Zone, proxy: FaultProxy, s3_env: str, verb: Verb, fault: Fault
) -> None:
    _prepare(zone, proxy)
    verb(zone)
    requests = len(proxy.requests)
    assert requests > 0
    for number in range(1, requests + 1):
        _prepare(zone, proxy)
        proxy.add(Rule(fault=fault, first=number, times=1))
        verb(zone)
        assert len(proxy.hits) == 1
        _check(verb, _contents(zone, s3_env), done=True)


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.DROP_AFTER], ids=lambda fault: fault.name)
@EACH_VERB
def test_a_lasting_failure_from_each_request_on(
    zone: Zone, proxy: FaultProxy, s3_env: str, verb: Verb, fault: Fault
) -> None:
    _prepare(zone, proxy)
    verb(zone)
    requests = len(proxy.requests)
    for number in {1, (requests + 1) // 2, requests}:
        _prepare(zone, proxy)
        proxy.add(Rule(fault=fault, first=number))
        with pytest.raises(StorageFailed, match="s3://"):
            verb(zone)
        proxy.clear()
        _check(verb, _contents(zone, s3_env), done=False)
        verb(zone)
        _check(verb, _contents(zone, s3_env), done=True)


def _check(verb: Verb, found: dict[str, bytes], *, done: bool) -> None:
    """Everything there is whole; a move or copy has its content somewhere at any time."""
    assert set(found.values()) <= {CONTENT}
    if verb is _move:
        assert set(found) == {"done/a"} if done else found
    elif verb is _copy:
        assert set(found) == {"a", "done/a"} if done else "a" in found
    elif verb is _delete:
        assert not (done and found)
    elif verb in (_put, _put_new):
        assert set(found) == {"a", "new"} if done else "a" in found
    else:
        assert set(found) == {"a"}


ONLY_WHOLE = pytest.mark.parametrize("zone", ["whole"], indirect=True)


@ONLY_WHOLE
@pytest.mark.parametrize("times", [1, 3])
def test_a_short_body_is_fetched_again(zone: Zone, proxy: FaultProxy, times: int) -> None:
    _prepare(zone, proxy)
    proxy.add(Rule(fault=Fault.SHORT_BODY, method="GET", path="/a$", times=times))
    _fetch(zone)
    assert len(proxy.hits) == times


@ONLY_WHOLE
def test_bodies_that_stay_short(zone: Zone, proxy: FaultProxy) -> None:
    _prepare(zone, proxy)
    proxy.add(Rule(fault=Fault.SHORT_BODY, method="GET", path="/a$"))
    with pytest.raises(StorageFailed, match="fetch s3://"):
        _fetch(zone)
    assert len(proxy.hits) == 4
    assert list((zone.scratch / "spool").iterdir()) == []


@pytest.mark.parametrize("verb", [_fetch, _move, _delete, _list], ids=lambda verb: verb.__name__[1:])
def test_a_server_that_hangs(s3_bucket: str, tmp_path: Path, proxy: FaultProxy, verb: Verb) -> None:
    zone = Zone(s3_store(SINGLE_REQUEST_BYTES, 0.5), s3_bucket, tmp_path / "scratch")
    _prepare(zone, proxy)
    proxy.add(Rule(fault=Fault.HANG, times=1))
    verb(zone)
    _prepare(zone, proxy)
    proxy.add(Rule(fault=Fault.HANG))
    with pytest.raises(StorageFailed, match=r"[Tt]imed? ?out"):
        verb(zone)
    proxy.clear()
    verb(zone)


def test_an_upload_whose_answer_was_lost_is_ours(zone: Zone, proxy: FaultProxy) -> None:
    """The retry is told that the object is there already; it is the one just put, so that is success."""
    _prepare(zone, proxy)
    proxy.add(Rule(fault=Fault.DROP_AFTER, header="If-None-Match", times=1))
    assert zone.write("new", CONTENT, overwrite=False).size_bytes == len(CONTENT)
    assert len(proxy.hits) == 1
    with pytest.raises(ObjectChanged):
        zone.write("new", CONTENT, overwrite=False)


def test_a_server_that_knows_no_conditions(zone: Zone, proxy: FaultProxy, s3_env: str) -> None:
    """It answers 501 to conditional copies and deletes: a look before takes their place."""
    _prepare(zone, proxy)
    proxy.add(
        Rule(fault=Fault.NOT_IMPLEMENTED_501, method="PUT|POST", header="If-None-Match"),
        Rule(fault=Fault.NOT_IMPLEMENTED_501, method="DELETE", header="If-Match"),
    )
    _move(zone)
    assert len(proxy.hits) >= 2
    _check(_move, _contents(zone, s3_env), done=True)


@ONLY_WHOLE
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_source_replaced_during_a_move(
    zone: Zone, proxy: FaultProxy, s3_env: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Just before the copy, and just before the deletion: the new version stays where it is. (moto ignores
    the condition of a copy, so it is the comparison after it that tells.)"""
    _prepare(zone, proxy)
    direct = s3_client(s3_env)
    asked = proxy.fault_for
    new = CONTENT[::-1]

    def replace_first(verb: str, path: str, headers: Message) -> Fault | None:
        if verb == method and ("x-amz-copy-source" if method == "PUT" else "If-Match") in headers:
            direct.put_object(Bucket=zone.bucket, Key="a", Body=new)
        return asked(verb, path, headers)

    monkeypatch.setattr(proxy, "fault_for", replace_first)
    if method == "PUT":
        with pytest.raises(ObjectChanged):
            _move(zone)
        assert _contents(zone, s3_env) == {"a": new}
    else:
        _move(zone)
        assert _contents(zone, s3_env) == {"a": new, "done/a": CONTENT}


@ONLY_WHOLE
def test_errors_say_what_and_where(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ObjectNotFound, match="no such bucket"):
        list(zone.store.list(S3Uri("no-such-bucket", "raw/")))
    with pytest.raises(ObjectNotFound, match="s3://no-such-bucket/x"):
        zone.store.head(S3Uri("no-such-bucket", "x"))
    with pytest.raises(GlulamError, match="no such bucket"):
        zone.store.put(_small(zone), S3Uri("no-such-bucket", "x"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageFailed, match=r"s3://.*127\.0\.0\.1:1"):
        S3Store(max_attempts=1).head(zone.uri("a"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(StorageFailed, match="not a url"):
        S3Store()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StorageFailed, match="credentials"):
        S3Store(max_attempts=1).head(zone.uri("a"))


def _small(zone: Zone) -> Path:
    path = zone.scratch / "small"
    path.write_bytes(b"x")
    return path
