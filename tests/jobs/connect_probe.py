"""A job script that tries what scripts do over Spark Connect, and prints for each case what became of it, as JSON lines.

Run by test_connect.py as a job, on Spark's own Connect server and on Sail; docs/sail.md is made of what it prints.
"""

import json
import sys
import uuid

from pyspark.context import SparkContext
from pyspark.sql import Window
from pyspark.sql import functions as F

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.utils import getResolvedOptions

sc = SparkContext.getOrCreate()
context = GlueContext(sc)
spark = context.spark_session
out = getResolvedOptions(sys.argv, ["out"])["out"] + "/" + uuid.uuid4().hex
IN = "s3://probe/in/"
ROWS = [(1, "a", 1.5), (2, "b", 2.5), (3, "b", None)]
CASES = {}


def case(function):
    CASES[function.__doc__] = function
    return function


def frame():
    return spark.createDataFrame(ROWS, "id int, name string, x double")


def mixed():
    return context.create_dynamic_frame.from_options("s3", {"paths": [IN]}, "json")


def round_trip(form, **options):
    place = f"{out}/{form}"
    frame().write.format(form).options(**options).save(place)
    assert spark.read.format(form).options(**options).load(place).count() == 3


@case
def dynamic_json():
    """DynamicFrame: JSON with a choice, `resolveChoice`"""
    assert mixed().resolveChoice(choice="cast:string").toDF().filter("id = 'two'").count() == 1


@case
def dynamic_map():
    """DynamicFrame: `map`, `filter`"""
    found = mixed().map(lambda r: {**r, "n": 1}).filter(lambda r: r["n"] == 1)
    assert found.count() == 3


@case
def dynamic_mapping():
    """DynamicFrame: `apply_mapping`, `select_fields`, `drop_fields`, `rename_field`"""
    found = mixed().apply_mapping([("at.lat", "double", "lat", "double")])
    assert found.toDF().columns == ["lat"]
    assert "tags" not in mixed().drop_fields(["tags"]).rename_field("id", "key").toDF().columns


@case
def dynamic_relationalize():
    """DynamicFrame: `relationalize`"""
    assert set(mixed().relationalize("root", f"{out}/tmp").keys()) == {"root", "root_tags"}


@case
def dynamic_errors():
    """DynamicFrame: error records, `errorsCount`"""
    assert mixed().map(lambda r: 1 // 0).errorsCount() == 3


@case
def dynamic_join():
    """DynamicFrame: `join`"""
    one = DynamicFrame.fromDF(frame(), context, "one")
    other = DynamicFrame.fromDF(frame().withColumnRenamed("id", "key").select("key"), context, "other")
    assert one.join(["id"], ["key"], other).count() == 3


@case
def dynamic_sink():
    """DynamicFrame: partitioned write, Parquet"""
    place = {"path": f"{out}/parts", "partitionKeys": ["name"]}
    context.write_dynamic_frame.from_options(
        DynamicFrame.fromDF(frame(), context, "x"), "s3", place, "parquet"
    )
    assert spark.read.parquet(f"{out}/parts").filter("name = 'b'").count() == 2


@case
def sql():
    """`spark.sql` on a temporary view, window functions"""
    frame().createOrReplaceTempView("t")
    found = spark.sql(
        "SELECT name, row_number() OVER (PARTITION BY name ORDER BY id DESC) AS n FROM t"
    ).collect()
    assert sorted(map(tuple, found)) == [("a", 1), ("b", 1), ("b", 2)]
    assert frame().withColumn("n", F.lag("id").over(Window.orderBy("id"))).filter("n IS NULL").count() == 1


@case
def grouping():
    """`groupBy`, `pivot`, `rollup`"""
    assert frame().groupBy("name").pivot("id", [1, 2]).count().count() == 2
    assert frame().rollup("name").count().count() == 3


@case
def udf():
    """Python UDF"""
    assert frame().select(F.udf(lambda v: v + 1, "int")("id").alias("v")).agg(F.sum("v")).first()[0] == 9


@case
def pandas_udf():
    """pandas UDF, `applyInPandas`"""
    assert frame().select(F.pandas_udf(lambda s: s + 1, "int")("id")).count() == 3
    assert (
        frame().groupBy("name").applyInPandas(lambda f: f.head(1), "id int, name string, x double").count()
        == 2
    )


@case
def ansi():
    """`CAST` of a text that is no number gives null"""
    assert spark.sql("SELECT CAST('x' AS int) AS v").first()[0] is None


@case
def cached():
    """`cache`, `persist`"""
    kept = frame().cache()
    assert (kept.count(), kept.count()) == (3, 3)


@case
def parquet():
    """Parquet files"""
    round_trip("parquet")


@case
def csv():
    """CSV files"""
    round_trip("csv", header="true")


@case
def orc():
    """ORC files"""
    round_trip("orc")


@case
def text():
    """text files"""
    frame().select("name").write.text(f"{out}/text")
    assert spark.read.text(f"{out}/text").count() == 3


@case
def xml():
    """XML files"""
    round_trip("xml", rowTag="r")


@case
def dynamic_overwrite():
    """dynamic partition overwrite"""
    place = f"{out}/overwritten"
    frame().write.partitionBy("name").parquet(place)
    frame().filter("name = 'a'").write.mode("overwrite").partitionBy("name").parquet(place)
    assert spark.read.parquet(place).count() == 3, (
        "no error, and the partitions that were not written are gone"
    )


@case
def save_as_table():
    """`saveAsTable`"""
    frame().write.saveAsTable("probe_table")
    assert spark.table("probe_table").count() == 3


@case
def streams():
    """streams: `readStream`"""
    query = spark.readStream.format("rate").load().writeStream.format("noop").start()
    assert query.isActive
    query.stop()


@case
def rdd():
    """RDDs: `sc.parallelize`"""
    assert sc.parallelize([1, 2]).count() == 2


@case
def broadcast():
    """`sc.broadcast`"""
    assert sc.broadcast(1).value == 1


for name, tried in CASES.items():
    try:
        tried()
        said = None
    except Exception as error:
        lines = str(error).strip().splitlines()
        said = f"{type(error).__name__}: {lines[0] if lines else ''}"[:240]
    print(json.dumps({"case": name, "error": said}), flush=True)
