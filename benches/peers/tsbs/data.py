"""The samples, as Plimsoll's generator wrote them, to tables of Arrow."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from .questions import FIELDS

START_SECONDS = 1_451_606_400
SCRAPE_SECONDS = 10
SCRAPES_PER_HOUR = 360

SCHEMA = pa.schema(
    [("time", pa.timestamp("s")), ("host", pa.dictionary(pa.int32(), pa.string()))]
    + [(field, pa.float64()) for field in FIELDS]
)


def hour_of_rows(values: np.ndarray, first: int, hosts: pa.Array) -> pa.RecordBatch:
    """Rows of some scrapes, in order of time; `values` is scrape x host x field."""
    scrapes, count, _ = values.shape
    times = START_SECONDS + SCRAPE_SECONDS * np.arange(first, first + scrapes, dtype=np.int64)
    numbers = np.tile(np.arange(count, dtype=np.int32), scrapes)
    columns = [
        pa.array(np.repeat(times, count)).cast(pa.timestamp("s")),
        pa.DictionaryArray.from_arrays(pa.array(numbers), hosts),
    ]
    fields = values.reshape(-1, len(FIELDS))
    columns += [pa.array(fields[:, field].astype(np.float64)) for field in range(len(FIELDS))]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def rows(path: Path, hosts: int, hours: int) -> pa.RecordBatchReader:
    """All rows, an hour at a time; only that hour is in memory."""
    shape = (hours * SCRAPES_PER_HOUR, hosts, len(FIELDS))
    expected = shape[0] * shape[1] * shape[2]
    if path.stat().st_size != expected:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, and not {expected}")
    values = np.memmap(path, dtype=np.uint8, mode="r", shape=shape)
    names = pa.array([f"host_{number}" for number in range(hosts)])

    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, shape[0], SCRAPES_PER_HOUR):
            yield hour_of_rows(values[first : first + SCRAPES_PER_HOUR], first, names)

    return pa.RecordBatchReader.from_batches(SCHEMA, batches())
