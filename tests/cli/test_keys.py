"""`glulam keys` and `glulam audit`."""

from __future__ import annotations

import json

from cli.conftest import Cli
from glulam.access.keys import find
from glulam.access.secrets import KEY_FILE, SecretBox
from glulam.settings import Settings
from glulam.store.database import Database


def test_a_key_is_made_listed_disabled_and_deleted(project: Cli) -> None:
    made = project("keys", "create", "--user", "ann", "--role", "author", "--json")
    assert made.code == 0, made.err
    key = made.json["key"]
    home = project.folder / ".glulam"
    assert (home / KEY_FILE).exists()
    with (
        Database.open(Settings(database_url=project.database_url)) as database,
        database.connection() as conn,
    ):
        stored = find(conn, SecretBox.open(Settings(home=home)), key["aws_access_key_id"])
    assert stored is not None
    assert stored.secret == key["aws_secret_access_key"]
    assert (stored.principal_arn, stored.role) == ("arn:aws:iam::123456789012:user/ann", "author")

    listed = project.look("keys", "list")
    assert "ann" in listed.out
    assert "active" in listed.out
    assert key["aws_secret_access_key"] not in listed.out
    assert project.look("keys", "disable", stored.id).out.startswith(f"{stored.id} is disabled")
    assert project.look("keys", "list", "--json").json["keys"][0]["active"] is False
    assert project.look("keys", "delete", stored.id, "--json").json == {
        "key": {"id": stored.id, "state": "deleted"}
    }
    assert "no access keys" in project.look("keys", "list").out
    gone = project.look("keys", "delete", stored.id)
    assert gone.code == 3
    assert stored.id in gone.err

    log = project.look("audit", "--json").json["rows"]
    assert [r["operation"] for r in log] == ["DeleteAccessKey", "DisableAccessKey", "CreateAccessKey"]
    assert all(r["resources"] == [f"access-key/{stored.id}"] for r in log)
    assert key["aws_secret_access_key"] not in json.dumps(log)


def test_a_temporary_key_has_a_token_and_an_end(project: Cli) -> None:
    made = project.look("keys", "create", "--user", "ci", "--hours", "8")
    assert made.code == 0, made.err
    assert "ASIA" in made.out
    assert "aws_session_token" in made.out
    assert "viewer" in made.out
    (key,) = project.look("keys", "list", "--json").json["keys"]
    assert key["temporary"]
    assert key["expires_at"] > key["created_at"]


def test_a_key_of_another_service_is_imported(project: Cli) -> None:
    words = ("keys", "import", "--user", "jobs", "--role", "author")
    pair = {"AWS_ACCESS_KEY_ID": "minio_key", "AWS_SECRET_ACCESS_KEY": "minio-secret-7"}
    assert (
        "one of them is not set"
        in project(*words, AWS_ACCESS_KEY_ID="minio_key", AWS_SECRET_ACCESS_KEY="").err
    )
    assert "temporary" in project(*words, **pair, AWS_SESSION_TOKEN="t").err
    assert "letters, digits or _" in project(*words, **{**pair, "AWS_ACCESS_KEY_ID": "a/b/c"}).err
    said = project(*words, **pair, AWS_SESSION_TOKEN="")
    assert said.out == "minio_key is accepted as arn:aws:iam::123456789012:user/jobs, author\n", said.err
    assert "exists already" in project(*words, **pair, AWS_SESSION_TOKEN="").err
    settings = Settings(database_url=project.database_url, home=project.folder / ".glulam")
    with Database.open(settings) as database, database.connection() as conn:
        stored = find(conn, SecretBox.open(settings), "minio_key")
    assert stored is not None
    assert (stored.secret, stored.user_name, stored.role) == ("minio-secret-7", "jobs", "author")
    assert [r["operation"] for r in project.look("audit", "--json").json["rows"]] == ["ImportAccessKey"]


def test_what_is_off_is_told(project: Cli) -> None:
    for words, said in (
        (("keys", "create", "--user", "ann", "--role", "root"), "viewer, operator, author, admin"),
        (("keys", "create", "--user", "a b"), "user name 'a b'"),
        (("keys", "create", "--user", "ann", "--account", "12"), "expected 12 digits"),
        (("audit", "--since", "yesterday"), "--since 'yesterday'"),
    ):
        answer = project.look(*words)
        assert answer.code == 2
        assert said in answer.err
    assert "no such rows" in project.look("audit", "--user", "nobody", "--since", "2020-01-01").out
