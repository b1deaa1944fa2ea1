"""TestConnection logs in to a real PostgreSQL, and reaches nothing that is not allowed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from chaos.pgproxy import Cut, PgProxy
from conftest import TestServer
from glulam.catalog.connection_probe import Refused, require_allowed
from glulam.catalog.connection_targets import Target, target_of
from glulam.catalog.connection_tester import LOOPBACK, ConnectionTester
from glulam.model.addresses import addresses_of
from glulam.model.errors import ConnectionFailed, InvalidInput
from mariadb import MariaDb, mariadb_server

__all__ = ["mariadb_server"]
NEVER = 10**9
FAILED = "FederationSourceException"


@pytest.fixture(scope="module")
def port(database_server: TestServer) -> Iterator[int]:
    """Where a PostgreSQL listens on TCP whose user `guarded` has the password `right`."""
    with psycopg.connect(database_server.admin_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        (hba,) = admin.execute("SHOW hba_file").fetchone() or ("",)
        rules = Path(hba)
        before = rules.read_text()
        rules.write_text("local all guarded scram-sha-256\n" + before)
        admin.execute("SELECT pg_reload_conf()")
        with PgProxy(database_server.admin_url, Cut.BEFORE, NEVER) as proxy:
            yield int(str(conninfo_to_dict(proxy.url)["port"]))
        rules.write_text(before)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("DROP ROLE guarded")


def jdbc(port: int, password: str = "right", **more: str) -> dict[str, Any]:
    given = {"JDBC_CONNECTION_URL": f"jdbc:postgresql://localhost:{port}/postgres", "USERNAME": "guarded",
             "PASSWORD": password, **more}  # fmt: skip
    return {"ConnectionType": "JDBC", "ConnectionProperties": given}


def test_it_logs_in(glue: Any, port: int, refused: Any) -> None:
    test = glue.test_connection
    test(TestConnectionInput=jdbc(port))
    text = refused(FAILED, test, TestConnectionInput=jdbc(port, "wrong-word"))
    assert "authentication failed" in text
    assert "wrong-word" not in text
    assert "does not exist" in refused(
        FAILED,
        test,
        TestConnectionInput=jdbc(port, JDBC_CONNECTION_URL=f"jdbc:postgresql://127.0.0.1:{port}/nope"),
    )
    assert "SSL" in refused(FAILED, test, TestConnectionInput=jdbc(port, JDBC_ENFORCE_SSL="true"))
    basic = {
        "AuthenticationType": "BASIC",
        "BasicAuthenticationCredentials": {"Username": "guarded", "Password": "right"},
    }
    given = {"ConnectionType": "POSTGRESQL", "AuthenticationConfiguration": basic,
             "ConnectionProperties": {"HOST": "127.0.0.1", "PORT": str(port), "DATABASE": "postgres"}}  # fmt: skip
    test(TestConnectionInput=given)


def test_a_stored_connection_is_tested_with_its_secrets(glue: Any, port: int, refused: Any) -> None:
    for name, password in (("good", "right"), ("bad", "wrong")):
        glue.create_connection(ConnectionInput={"Name": name, **jdbc(port, password)})
    basic = {
        "AuthenticationType": "BASIC",
        "BasicAuthenticationCredentials": {"Username": "guarded", "Password": "right"},
    }
    given = {"Name": "basic", "ConnectionType": "POSTGRESQL", "AuthenticationConfiguration": basic,
             "ConnectionProperties": {"HOST": "127.0.0.1", "PORT": str(port), "DATABASE": "postgres"}}  # fmt: skip
    glue.create_connection(ConnectionInput=given)
    glue.test_connection(ConnectionName="good")
    glue.test_connection(ConnectionName="basic")
    refused(FAILED, glue.test_connection, ConnectionName="bad")
    refused("EntityNotFoundException", glue.test_connection, ConnectionName="none")
    refused("InvalidInputException", glue.test_connection)
    refused(
        "InvalidInputException", glue.test_connection, ConnectionName="good", TestConnectionInput=jdbc(port)
    )


def test_validate_credentials_tests_before_it_keeps(glue: Any, port: int, refused: Any) -> None:
    asked = {"Name": "v", **jdbc(port, "wrong"), "ValidateCredentials": True}
    refused(FAILED, glue.create_connection, ConnectionInput=asked)
    refused("EntityNotFoundException", glue.get_connection, Name="v")
    glue.create_connection(ConnectionInput={**asked, **jdbc(port)})
    found = glue.get_connection(Name="v")["Connection"]
    assert abs(found["LastConnectionValidationTime"].timestamp() - time.time()) < 60


def test_mysql_is_logged_in_to(glue: Any, mariadb_server: MariaDb, refused: Any) -> None:
    database = mariadb_server.database()
    user = mariadb_server.user(f"SELECT ON {database}.*", password="right")

    def given(password: str, **more: str) -> dict[str, Any]:
        properties = {"JDBC_CONNECTION_URL": f"jdbc:mysql://localhost:{mariadb_server.port}/{database}", "USERNAME": user,
                      "PASSWORD": password, **more}  # fmt: skip
        return {"ConnectionType": "JDBC", "ConnectionProperties": properties}

    test = glue.test_connection
    test(TestConnectionInput=given("right"))
    text = refused(FAILED, test, TestConnectionInput=given("wrong-word"))
    assert "Access denied" in text
    assert "wrong-word" not in text
    assert "SSL" in refused(FAILED, test, TestConnectionInput=given("right", JDBC_ENFORCE_SSL="true"))


def test_network_is_a_tcp_connection(glue: Any, refused: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = {"HOST": "127.0.0.1", "PORT": str(listener.getsockname()[1])}
        asked = {"ConnectionType": "NETWORK", "ConnectionProperties": place}
        glue.test_connection(TestConnectionInput=asked)
    assert "refused" in refused(FAILED, glue.test_connection, TestConnectionInput=asked)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254", "fe80::1"]
)
def test_only_loopback_is_reached_unless_allowed(glue: Any, host: str, refused: Any) -> None:
    asked = {"ConnectionType": "NETWORK", "ConnectionProperties": {"HOST": host, "PORT": "80"}}
    assert "GLULAM_CONNECTION_HOSTS" in refused(
        "InvalidInputException", glue.test_connection, TestConnectionInput=asked
    )


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("JDBC", {"JDBC_CONNECTION_URL": "jdbc:oracle:thin:@h:1521:x", "USERNAME": "u"}),
        ("JDBC", {"JDBC_CONNECTION_URL": "jdbc:postgresql://a,b/d", "USERNAME": "u"}),
        ("JDBC", {"JDBC_CONNECTION_URL": "jdbc:postgresql:///tmp/d", "USERNAME": "u"}),
        ("JDBC", {"JDBC_CONNECTION_URL": "postgresql://h/d", "USERNAME": "u"}),
        ("JDBC", {"JDBC_CONNECTION_URL": "jdbc:postgresql://h/d"}),
        ("JDBC", {"JDBC_CONNECTION_URL": "jdbc:postgresql://h/d", "SECRET_ID": "s"}),
        ("JDBC", {}), ("JDBC", {"JDBC_ENGINE": "postgresql"}), ("NETWORK", {}), ("KAFKA", {}), ("SALESFORCE", {}),
        ("NETWORK", {"HOST": "h", "PORT": "0"}), ("NETWORK", {"HOST": "/tmp", "PORT": "1"}),
    ],
)  # fmt: skip
def test_what_cannot_be_tested_says_so(glue: Any, kind: str, given: dict[str, str], refused: Any) -> None:
    asked = {"ConnectionType": kind, "ConnectionProperties": given}
    refused("InvalidInputException", glue.test_connection, TestConnectionInput=asked)


def test_addresses() -> None:
    assert {str(a) for a in addresses_of("::ffff:10.1.2.3", 1)} == {"10.1.2.3"}
    loopback = addresses_of("localhost", 1)
    require_allowed("localhost", loopback, LOOPBACK)
    other = addresses_of("10.1.2.3", 1)
    require_allowed("h", other, ["10.1.0.0/16"])
    require_allowed("DB.example.com", other, ["db.example.com"])
    for allowed in (["10.2.0.0/16"], ["example.com"], [], ["10.1.0.0/24"]):
        with pytest.raises(Refused, match=r"10\.1\.2\.3"):
            require_allowed("db.example.com", other, allowed)
    with pytest.raises(Refused):
        require_allowed("two", [*loopback, *other], LOOPBACK)


def test_jdbc_urls() -> None:
    login = {"USERNAME": "u", "PASSWORD": "hush"}

    def target(url: str) -> Target:
        return target_of(
            {"ConnectionType": "JDBC", "ConnectionProperties": {**login, "JDBC_CONNECTION_URL": url}}
        )

    found = target("jdbc:postgresql://db.example.com/sales%20eu?sslmode=verify-full")
    assert (found.engine, found.host, found.port, found.database, found.tls) == (
        "postgresql", "db.example.com", 5432, "sales eu", True
    )  # fmt: skip
    assert (target("jdbc:postgresql://[::1]:6543/d").host, target("jdbc:mysql://h:33/d?useSSL=true").tls) == (
        "::1",
        True,
    )
    assert (target("jdbc:mysql://h").port, target("jdbc:mysql://h/").database) == (3306, "")
    assert target("jdbc:mysql://h").password == "hush"
    assert "hush" not in repr(target("jdbc:mysql://h"))


def test_a_host_that_never_answers_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(
            engine="postgresql", host="127.0.0.1", port=silent.getsockname()[1], user="u", password="p"
        )
        began = time.monotonic()
        with pytest.raises(ConnectionFailed):
            ConnectionTester(timeout_s=2).test(target)
        assert time.monotonic() - began < 12


def test_mysql_without_a_driver_says_what_to_install() -> None:
    target = Target(engine="mysql", host="127.0.0.1", port=1, user="u", password="p")
    with pytest.raises((InvalidInput, ConnectionFailed), match=r"pip install pymysql|refused"):
        ConnectionTester(timeout_s=2).test(target)


def test_the_setting() -> None:
    assert ConnectionTester.parse("").allowed == ConnectionTester.parse(" , ").allowed == LOOPBACK
    assert ConnectionTester.parse("10.0.0.0/8, db ").allowed == ("10.0.0.0/8", "db")
