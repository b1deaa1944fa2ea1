"""The peer: PySpark `local[*]`, doing the job the plain way that a Glue script would.

Permissive read (the schema inferred over all records), the corrupt records split off and kept as JSON lines, the good
ones written partitioned by year, month and mode, the raw files moved. Run as a process of its own.

    python -m bench.peer_spark RAW OUT ARCHIVE
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.peer_duckdb import rename_all

CORRUPT = "_corrupt_record"


def run(raw: Path, out: Path, archive: Path, memory: str) -> dict[str, int]:
    spark = (
        SparkSession.builder.master("local[*]")
        .appName("peer")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", memory)
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    read = (
        spark.read.option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", CORRUPT)
        .option("recursiveFileLookup", "true")
        .json(str(raw))
        .withColumn("source_path", F.input_file_name())
        .cache()  # without it, Spark refuses a query that reads the corrupt column alone
    )
    rejected = 0
    good = read
    if CORRUPT in read.columns:
        bad = read.where(F.col(CORRUPT).isNotNull()).select(CORRUPT, "source_path")
        bad.write.mode("overwrite").json(str(out / "rejected"))
        rejected = bad.count()
        good = read.where(F.col(CORRUPT).isNull()).drop(CORRUPT)
    stamped = good.withColumn("event_time", F.to_timestamp("event_time"))
    shaped = stamped.select(
        F.col("id").cast("string").alias("record_id"),
        F.col("device.location.lat").alias("lat"),
        "*",
        F.year("event_time").alias("year"),
        F.month("event_time").alias("month"),
    )
    target = (
        shaped.write.mode("overwrite").option("compression", "zstd").partitionBy("year", "month", "ml_mode")
    )
    target.parquet(str(out / "events"))
    records = shaped.count()
    spark.stop()
    return {"records": records, "rejected": rejected, "moved": rename_all(raw, archive)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--memory", default="4g", help="the driver's heap")
    args = parser.parse_args()
    print(json.dumps(run(args.raw, args.out, args.archive, args.memory)))


if __name__ == "__main__":
    main()
