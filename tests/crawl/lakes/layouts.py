"""Layouts: where the table is, what is a partition, what is neither."""

from __future__ import annotations

import json

from crawl.lakes.case import Expected, Lake, csv, ndjson, parquet

ORDER = ndjson({"id": 1, "total": 9.5}, {"id": 2, "total": 3.25})
ORDER_COLUMNS = "id bigint, total double"
USER = ndjson({"mail": "a@b", "age": 3, "since": "x"})
USER_COLUMNS = "mail string, age bigint, since string"
COMBINE = {
    "Configuration": json.dumps(
        {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}
    )
}


def level(number: int) -> dict[str, str]:
    return {"Configuration": json.dumps({"Version": 1.0, "Grouping": {"TableLevelConfiguration": number}})}


def hive(folder: str, *names: str, content: bytes = ORDER) -> dict[str, bytes]:
    return {f"{folder}{name}/part.json": content for name in names}


LAKES = [
    Lake(name="files of one folder", path="orders/", files={f"orders/{n}.json": ORDER for n in "abc"},
         tables={"orders": Expected(columns=ORDER_COLUMNS, location="orders/")}),
    Lake(name="two tables below a bucket", files={"orders/a.json": ORDER, "users/a.json": USER},
         tables={"orders": Expected(columns=ORDER_COLUMNS), "users": Expected(columns=USER_COLUMNS)}),
    Lake(name="hive partitions", path="orders/", files=hive("orders/", "year=2023", "year=2024"),
         tables={"orders": Expected(columns=ORDER_COLUMNS, keys="year int", partitions=("2023", "2024"), location="orders/")},
         unlike_glue="Glue types year as string; its values are whole numbers"),
    Lake(name="hive partitions below a bucket", files=hive("orders/", "year=2023", "year=2024"),
         tables={"orders": Expected(columns=ORDER_COLUMNS, keys="year int", partitions=("2023",
             "2024"), location="orders/")}),
    Lake(name="three levels of hive partitions", path="o/",
         files=hive("o/", "year=2024/month=01/day=2024-01-01", "year=2024/month=02/day=2024-02-01"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="year int, month string, day date",
                               partitions=("2024/01/2024-01-01", "2024/02/2024-02-01"))},
         unlike_glue="month=01 stays a string: 1 would not find its folder again"),
    Lake(name="plain folders are partitions", path="o/", files=hive("o/", "north", "south", "west"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="partition_0 string", partitions=("north", "south", "west"))}),
    Lake(name="plain years and months", path="o/", files=hive("o/", "2023/01", "2023/12", "2024/01"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="partition_0 int, partition_1 string",
                               partitions=("2023/01", "2023/12", "2024/01"))}),
    Lake(name="a single year is a partition", path="o/", files=hive("o/", "2024"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="partition_0 int", partitions=("2024",))},
         unlike_glue="Glue may make a table 2024 of it, and another layout of it when 2025 comes"),
    Lake(name="a single named folder is the table", files=hive("", "orders"),
         tables={"orders": Expected(columns=ORDER_COLUMNS, location="orders/")}),
    Lake(name="a chain of folders", files=hive("", "a/b/orders"),
         tables={"orders": Expected(columns=ORDER_COLUMNS, location="a/b/orders/")}),
    Lake(name="plain above hive", path="o/", files=hive("o/", "eu/day=2024-01-01", "us/day=2024-01-01"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="partition_0 string, day date",
                               partitions=("eu/2024-01-01", "us/2024-01-01"))}),
    Lake(name="hive above plain", path="o/", files=hive("o/", "day=2024-01-01/a", "day=2024-01-02/a", "day=2024-01-02/b"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="day date, partition_0 string",
                               partitions=("2024-01-01/a", "2024-01-02/a", "2024-01-02/b"))}),
    Lake(name="mixed tables and partitions", files={**hive("orders/", "day=1", "day=2"), "users/a.json": USER},
         tables={"orders": Expected(columns=ORDER_COLUMNS, keys="day int", partitions=("1", "2")),
                 "users": Expected(columns=USER_COLUMNS)}),
    Lake(name="a README beside partitions", path="o/", files={**hive("o/", "y=1", "y=2"), "o/README.json": USER},
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("1", "2"))}, odd=("README.json",),
         unlike_glue="Glue makes a table readme_json of it"),
    Lake(name="success markers and hidden files", path="o/",
         files={**hive("o/", "y=1", "y=2"), "o/_SUCCESS": b"", "o/y=1/_SUCCESS": b"", "o/y=1/.part.crc": b"x",
                "o/_temporary/0/a.json": USER, "o/y=2/b.json.tmp": b"{", "o/y=2/c.json._COPYING_": b"{",
                "o/y=1_$folder$": b""},
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("1", "2"))}),
    Lake(name="empty files", path="o/", files={"o/a.json": ORDER, "o/b.json": b""},
         tables={"o": Expected(columns=ORDER_COLUMNS)}),
    Lake(name="the null partition", path="o/", files=hive("o/", "y=2023", "y=__HIVE_DEFAULT_PARTITION__"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("2023", "__HIVE_DEFAULT_PARTITION__"))}),
    Lake(name="escaped partition values", path="o/", files=hive("o/", "city=S%C3%A3o%20Paulo", "city=a%2Fb"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="city string", partitions=("São Paulo", "a/b"))}),
    Lake(name="key in upper case", path="o/", files=hive("o/", "Year=2023", "Year=2024"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="year int", partitions=("2023", "2024"))}),
    Lake(name="two spellings of one key", path="o/", files=hive("o/", "Year=2023", "year=2024"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="year int", partitions=("2023", "2024"))}),
    Lake(name="two folders, one value", path="o/", files=hive("o/", "Year=2023", "year=2023", "year=2024"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="year int", partitions=("2024",))},
         odd=("Year=2023/", "year=2023/")),
    Lake(name="two keys on one level", path="o/", files=hive("o/", "year=1", "year=2", "week=1"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="year int", partitions=("1", "2"))}, odd=("week=1/",)),
    Lake(name="a partition that lies deeper", path="o/", files=hive("o/", "y=1", "y=2", "y=3/m=1"),
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("1", "2"))}, odd=("y=3/",),
         unlike_glue="Glue makes tables of the folders"),
    Lake(name="a partition in another format", path="o/",
         files={**hive("o/", "y=1", "y=2"), "o/y=3/a.csv": csv("id,total\n1,2.5\n3,4.5")},
         tables={"o": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("1", "2"))}, odd=("y=3/",)),
    Lake(name="the columns of the documentation's example", path="t/",
         files={"t/year=2017/1.json": ndjson({"A": 1, "B": 2}), "t/year=2018/2.json": ndjson({"C": 3, "D": 4})},
         tables={"t": Expected(columns="a bigint, b bigint, c bigint, d bigint", keys="year int", partitions=("2017",
             "2018"))},
         unlike_glue="Glue makes two tables, year_2017 and year_2018; the folders say that they are partitions"),
    Lake(name="the same in plain folders", path="t/",
         files={"t/x/1.json": ndjson({"A": 1, "B": 2}), "t/y/2.json": ndjson({"C": 3, "D": 4})},
         tables={"x": Expected(columns="a bigint, b bigint"), "y": Expected(columns="c bigint, d bigint")}),
    Lake(name="the same, combined", path="t/", given=COMBINE,
         files={"t/x/1.json": ndjson({"A": 1, "B": 2}), "t/y/2.json": ndjson({"C": 3, "D": 4})},
         tables={"t": Expected(columns="a bigint, b bigint, c bigint, d bigint", keys="partition_0 string",
                               partitions=("x", "y"))}),
    Lake(name="combined files of one folder", path="t/", given=COMBINE,
         files={"t/1.json": ndjson({"A": 1, "B": 2}), "t/2.json": ndjson({"C": 3, "D": 4})},
         tables={"t": Expected(columns="a bigint, b bigint, c bigint, d bigint")}),
    Lake(name="similar tables without a level", files={**hive("", "shop/orders_eu"), **hive("", "shop/orders_us")},
         tables={"shop": Expected(columns=ORDER_COLUMNS, keys="partition_0 string", partitions=("orders_eu", "orders_us"))}),
    Lake(name="similar tables with a level", given=level(3),
         files={**hive("", "shop/orders_eu/y=1"), **hive("", "shop/orders_us/y=1")},
         tables={"orders_eu": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("1",)),
                 "orders_us": Expected(columns=ORDER_COLUMNS, keys="y int", partitions=("1",))}),
    Lake(name="a level above the folders", given=level(2), files=hive("", "orders/eu/x", "orders/us/x"),
         tables={"orders": Expected(columns=ORDER_COLUMNS, keys="partition_0 string, partition_1 string",
                                    partitions=("eu/x", "us/x"))}),
    Lake(name="tables of one name", files={"a/orders/x.json": ORDER, "b/orders/x.csv": csv("a,b\n1,x\n2,y")},
         tables={"orders": Expected(columns=ORDER_COLUMNS, location="a/orders/"),
                 "orders_*": Expected(columns="a bigint, b string", classification="csv", location="b/orders/")}),
    Lake(name="names that are no names", files={"My Data (new)/x.json": ORDER},
         tables={"my_data__new_": Expected(columns=ORDER_COLUMNS)}),
    Lake(name="a prefix", files={"o/x.json": ORDER}, given={"TablePrefix": "Raw_"},
         tables={"raw_o": Expected(columns=ORDER_COLUMNS)}),
    Lake(name="exclusions", path="o/", exclusions=("**.csv", "old/**", "tmp?/{a,b}*"),
         files={"o/a.json": ORDER, "o/x.csv": csv("a,b\n1,2"), "o/old/x/b.json": USER, "o/tmp1/abc.json": USER},
         tables={"o": Expected(columns=ORDER_COLUMNS)}),
    Lake(name="one object as the target", path="o/a.json", files={"o/a.json": ORDER, "o/b.json": USER},
         tables={"a_json": Expected(columns=ORDER_COLUMNS, location="o/a.json")}),
    Lake(name="a big folder with an archive below", path="d/",
         files={**{f"d/{n}.json": ORDER for n in range(6)}, "d/archive/1.json": ORDER, "d/archive/2.json": ORDER},
         tables={"d": Expected(columns=ORDER_COLUMNS), "archive": Expected(columns=ORDER_COLUMNS)}),
    Lake(name="parquet beside its metadata", path="p/",
         files={"p/y=1/a.parquet": parquet(id=[1]), "p/y=2/a.parquet": parquet(id=[2]), "p/_metadata": b"PAR1",
             "p/_common_metadata": b"PAR1"},
         tables={"p": Expected(columns="id bigint", classification="parquet", keys="y int", partitions=("1", "2"))}),
]  # fmt: skip
