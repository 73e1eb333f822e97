"""The peers: each is loaded once, and asked in SQL. Its answer is complete when `run` returns."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from chdb.session import Session

from .data import rows
from .questions import CLICKHOUSE, DUCKDB, FIELDS, Dialect


class Peer(ABC):
    """A database with a table of all rows."""

    name: str
    table: str
    dialect: Dialect

    @abstractmethod
    def run(self, sql: str) -> Any:
        """Asks, and waits for the whole answer."""

    @abstractmethod
    def arrow(self, answer: Any) -> pa.Table:
        """An answer as a table."""

    def warm(self) -> None:
        """Reads every value once."""
        sums = ", ".join(f"sum({field})" for field in FIELDS)
        self.run(f"SELECT max(time), max(host), {sums} FROM {self.table}")


class Duck(Peer):
    """A table of a DuckDB file, in order of time or of hosts."""

    dialect = DUCKDB

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        self.name = "DuckDB " + table.replace("_", "-")
        self.table = table
        self.connection = connection

    def run(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def arrow(self, answer: Any) -> pa.Table:
        return answer


class Click(Peer):
    """A MergeTree of ClickHouse inside this process, in order of host and time."""

    dialect = CLICKHOUSE
    name = "chdb"
    table = "bench.cpu"

    def __init__(self, session: Session) -> None:
        self.session = session

    def run(self, sql: str) -> Any:
        return self.session.query(sql, "Arrow")

    def arrow(self, answer: Any) -> pa.Table:
        return pa.ipc.open_file(pa.py_buffer(answer.bytes())).read_all()


def load_duckdb(folder: Path, samples: Path, hosts: int, hours: int, threads: int) -> list[Duck]:
    """Both tables, and the rows as Parquet for the next one."""
    connection = duckdb.connect(str(folder / "peer.duckdb"), config={"threads": threads})
    reader = rows(samples, hosts, hours)
    connection.register("reader", reader)
    columns = ", ".join(["time::TIMESTAMP AS time", "host::VARCHAR AS host", *FIELDS])
    connection.execute(f"CREATE TABLE time_ordered AS SELECT {columns} FROM reader")
    connection.execute(
        "CREATE TABLE host_ordered AS SELECT * FROM time_ordered ORDER BY host, time"
    )
    connection.execute(f"COPY time_ordered TO '{folder / 'rows.parquet'}' (FORMAT parquet)")
    connection.execute("CHECKPOINT")
    return [Duck(connection, "time_ordered"), Duck(connection, "host_ordered")]


def load_chdb(folder: Path, threads: int) -> Click:
    """A table in one part, from the rows that DuckDB wrote. Of the codecs of its columns the usual
    one (LZ4) answers about twice as fast as those that make them smallest.
    """
    session = Session(str(folder / "chdb"))
    fields = ", ".join(f"{field} Float64" for field in FIELDS)
    session.query(f"SET max_threads = {threads}")
    session.query("CREATE DATABASE bench")
    session.query(
        "CREATE TABLE bench.cpu (time DateTime('UTC'), host LowCardinality(String), "
        f"{fields}) ENGINE = MergeTree ORDER BY (host, time)"
    )
    source = f"file('{folder / 'rows.parquet'}', 'Parquet')"
    session.query(f"INSERT INTO bench.cpu SELECT time, host, {', '.join(FIELDS)} FROM {source}")
    session.query("OPTIMIZE TABLE bench.cpu FINAL")
    return Click(session)
