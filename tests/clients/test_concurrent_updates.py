"""UpdateTable with a VersionId is a compare-and-swap: of writers that read the same version one wins, whoever they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clients.conftest import PATIENCE_S, Server

ROUNDS = 40


@pytest.mark.parametrize("writers", [2, 8])
def test_one_writer_wins_each_round(server: Server, region: str, glue: Any, writers: int) -> None:
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput={"Name": "sales"})
    clients = [server.boto3(region) for _ in range(writers)]
    start = Barrier(writers)

    def write(round_: int, writer: int) -> str:
        """The code of the answer; empty when it won."""
        changed = {"Name": "sales", "Description": f"{round_}/{writer}"}
        start.wait(PATIENCE_S)
        try:
            clients[writer].update_table(DatabaseName="shop", TableInput=changed, VersionId=str(round_))
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(writers) as pool:
        for round_ in range(ROUNDS):
            codes = list(pool.map(write, [round_] * writers, range(writers)))
            assert sorted(codes) == ["", *["ConcurrentModificationException"] * (writers - 1)]
            now = glue.get_table(DatabaseName="shop", Name="sales")["Table"]
            assert (now["VersionId"], now["Description"]) == (str(round_ + 1), f"{round_}/{codes.index('')}")

    kept = (
        glue.get_paginator("get_table_versions")
        .paginate(DatabaseName="shop", TableName="sales")
        .build_full_result()
    )
    assert [int(v["VersionId"]) for v in kept["TableVersions"]] == list(range(ROUNDS, -1, -1))


def test_without_a_version_the_last_writer_wins(server: Server, region: str, glue: Any) -> None:
    """Updates wait for each other; none is lost from the history."""
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput={"Name": "sales"})
    clients = [server.boto3(region) for _ in range(8)]

    def write(number: int) -> None:
        changed = {"Name": "sales", "Description": str(number)}
        clients[number % 8].update_table(DatabaseName="shop", TableInput=changed)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(80)))
    kept = (
        glue.get_paginator("get_table_versions")
        .paginate(DatabaseName="shop", TableName="sales")
        .build_full_result()
    )
    assert [int(v["VersionId"]) for v in kept["TableVersions"]] == list(range(80, -1, -1))
    written = {v["Table"]["Description"] for v in kept["TableVersions"] if "Description" in v["Table"]}
    assert written == {str(n) for n in range(80)}


def test_one_of_those_who_create_the_same_wins(server: Server, region: str, glue: Any) -> None:
    clients = [server.boto3(region) for _ in range(8)]
    start = Barrier(8)

    def create(writer: int, round_: int) -> list[str]:
        codes = []
        start.wait(PATIENCE_S)
        for asked in (
            lambda: clients[writer].create_database(DatabaseInput={"Name": f"db{round_}"}),
            lambda: clients[writer].create_table(DatabaseName=f"db{round_}", TableInput={"Name": "sales"}),
            lambda: clients[writer].delete_table(DatabaseName=f"db{round_}", Name="sales"),
        ):
            try:
                asked()
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])
            else:
                codes.append("")
            start.wait(PATIENCE_S)
        return codes

    lost = ("AlreadyExistsException", "AlreadyExistsException", "EntityNotFoundException")
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            found = zip(*pool.map(create, range(8), [round_] * 8), strict=True)
            for codes, code in zip(found, lost, strict=True):
                assert sorted(codes) == ["", *[code] * 7]
