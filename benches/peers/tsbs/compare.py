"""Whether a peer answers the same: exactly, and means and quantiles to the last digits."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .questions import Answer, Ask

TOLERANCE = 1e-12


class Different(Exception):
    """Two systems answered differently."""


def table(found: pa.Table, answer: Answer, ask: Ask) -> np.ndarray:
    """An answer as our command writes it: time, host or -1, values; in order of time and host."""
    columns = [column.combine_chunks() for column in found.columns]
    times = np.full(len(found), float(ask.start))
    hosts = np.full(len(found), -1.0)
    if answer.has_time:
        times = seconds(columns.pop(0))
    if answer.has_host:
        hosts = numbers_of(columns.pop(0))
    values = [column.to_numpy(zero_copy_only=False).astype(np.float64) for column in columns]
    rows = np.column_stack([times, hosts, *values])
    return rows[np.lexsort((hosts, times))]


def seconds(column: pa.Array) -> np.ndarray:
    """Times, which may be typed, or plain numbers of seconds."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", column.type.tz)).cast(pa.int64())
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


def numbers_of(column: pa.Array) -> np.ndarray:
    """The numbers of hosts by their names."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    digits = pc.replace_substring(column, "host_", "", max_replacements=1)
    return digits.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)


def check(who: str, name: str, ours: np.ndarray, theirs: np.ndarray, exact: bool) -> None:
    """Fails where two answers differ."""
    if ours.shape != theirs.shape:
        raise Different(f"{name}: {who} answers {theirs.shape}, Plimsoll {ours.shape}")
    same = ours == theirs
    if not exact:
        same |= np.abs(ours - theirs) <= TOLERANCE * np.abs(theirs)
    if not same.all():
        row, column = np.argwhere(~same)[0]
        mine, other = ours[row, column], theirs[row, column]
        place = f"row {row}, column {column}"
        raise Different(f"{name}: {place}: {who} has {other!r}, Plimsoll {mine!r}")
