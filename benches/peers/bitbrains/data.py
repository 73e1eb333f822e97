"""The CSV files, and their rows in DuckDB."""

import os
import subprocess
from pathlib import Path

import duckdb

from .questions import METRICS

ARCHIVES = ["rnd-2013-7-vm1-200.tar.zst", "rnd-2013-8-vm1-200.tar.zst"]


class Missing(Exception):
    """The data is not here."""


def months(given: list[Path], folder: Path) -> list[Path]:
    """The folders of the months, one file for each VM: those that are given, or the archives'."""
    if not given:
        given = unpacked(folder)
    for month in given:
        if not any(month.glob("*.csv")):
            raise Missing(f"there are no CSV files in {month}")
    return given


def unpacked(folder: Path) -> list[Path]:
    """The archives' folders, below one that is there for them."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    source = Path(os.environ.get("PLIMSOLL_DATA", beside)) / "bitbrains"
    for name in ARCHIVES:
        if not (source / name).is_file():
            raise Missing(f"there is no {source / name}")
        command = ["tar", "--zstd", "--extract", "--file", str(source / name)]
        subprocess.run([*command, "--directory", str(folder)], check=True)
    return sorted({file.parent for file in folder.rglob("*.csv")})


def load_duckdb(file: Path, months: list[Path], threads: int) -> duckdb.DuckDBPyConnection:
    """A table `samples` of all rows, values as doubles.

    Within a VM's file an instant may have several lines: some 78,000 of them say the same again, 27
    something else. `plimsoll import` lets what the store holds already count, and so the first line
    of them (`Conflict::FirstWins`), so that an import can be repeated. Lines are numbered here in
    the order of files and lines, and of each VM and instant the one with the least number stays.
    """
    connection = duckdb.connect(str(file), config={"threads": threads})
    files = [str(path) for month in months for path in sorted(month.glob("*.csv"))]
    names = ["time", *METRICS]
    types = {name: "BIGINT" if name == "time" else "DOUBLE" for name in names}
    read = connection.read_csv(
        files, delimiter=";\t", header=True, names=names, dtype=types, filename=True
    )
    read.select("row_number() OVER () AS line, *").create("lines")
    connection.execute(
        "CREATE TABLE samples AS "
        "SELECT parse_filename(filename, true)::INTEGER AS vm, * EXCLUDE (line, filename) "
        "FROM lines QUALIFY row_number() OVER (PARTITION BY vm, time ORDER BY line) = 1"
    )
    connection.execute("DROP TABLE lines")
    return connection
