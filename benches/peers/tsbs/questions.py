"""What each question is in SQL, and in what form its answer comes.

The meaning of every question is in src/bench/queries.rs; here it is said once more for the peers.
Where a peer knows several ways to say the same, the one that was the fastest here is used.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

FIELDS = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
]


@dataclass(frozen=True)
class Ask:
    """What was drawn for one run: hosts by number, none for all, and a range of seconds."""

    hosts: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Dialect:
    """Where two databases spell one thing differently."""

    minute: str
    hour: str
    day: str
    p95: str
    last: str
    time: str


DUCKDB = Dialect(
    minute="date_trunc('minute', time)",
    hour="date_trunc('hour', time)",
    day="date_trunc('day', time)",
    p95="quantile_cont(usage_user, 0.95)",
    last=(
        "SELECT time, host, {fields} FROM {table} JOIN "
        "(SELECT host, max(time) AS time FROM {table} GROUP BY host) USING (host, time)"
    ),
    time="TIMESTAMP '{0}'",
)
CLICKHOUSE = Dialect(
    minute="toStartOfMinute(time)",
    hour="toStartOfHour(time)",
    day="toStartOfDay(time)",
    p95="quantileExactInclusive(0.95)(usage_user)",
    last=(
        "SELECT time, host, {fields} FROM {table} "
        "ORDER BY host DESC, time DESC LIMIT 1 BY host"
    ),
    time="toDateTime('{0}', 'UTC')",
)


@dataclass(frozen=True)
class Answer:
    """Which columns of an answer are the time and the host, if any; means need not be exact."""

    sql: str
    has_time: bool = True
    has_host: bool = False
    exact: bool = True


def each(form: str, metrics: int) -> str:
    """The first fields, each in the same expression, separated by commas."""
    return ", ".join(form.format(field) for field in FIELDS[:metrics])


def instant(seconds: int, dialect: Dialect) -> str:
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return dialect.time.format(text)


def where(ask: Ask, dialect: Dialect) -> str:
    """The rows of the hosts and the range that were drawn."""
    start, end = instant(ask.start, dialect), instant(ask.end, dialect)
    text = f"time >= {start} AND time < {end}"
    if ask.hosts:
        names = ", ".join(f"'host_{number}'" for number in ask.hosts)
        text += f" AND host IN ({names})"
    return text


def maxima(table: str, step: str, metrics: int, rows: str) -> Answer:
    columns = each("max({0})", metrics)
    return Answer(f"SELECT {step} AS t, {columns} FROM {table} WHERE {rows} GROUP BY t ORDER BY t")


def means(table: str, step: str, metrics: int, rows: str) -> Answer:
    columns = each("avg({0})", metrics)
    sql = (
        f"SELECT {step} AS t, host, {columns} FROM {table} WHERE {rows} "
        "GROUP BY t, host ORDER BY t, host"
    )
    return Answer(sql, has_host=True, exact=False)


def last_minutes(table: str, end: str, step: str) -> Answer:
    return Answer(
        f"SELECT {step} AS t, max(usage_user) FROM {table} WHERE time < {end} "
        "GROUP BY t ORDER BY t DESC LIMIT 5"
    )


def high(table: str, rows: str) -> Answer:
    columns = each("{0}", 10)
    sql = f"SELECT time, host, {columns} FROM {table} WHERE usage_user > 90 AND {rows}"
    return Answer(sql, has_host=True)


def last_point(table: str, dialect: Dialect) -> Answer:
    sql = dialect.last.format(fields=each("{0}", 10), table=table)
    return Answer(sql, has_host=True)


def fleet(table: str, step: str, metrics: int, rows: str) -> Answer:
    columns = each("sum({0}), max({0}), count({0})", metrics)
    return Answer(f"SELECT {step} AS t, {columns} FROM {table} WHERE {rows} GROUP BY t ORDER BY t")


def fleet_p95(table: str, p95: str, rows: str) -> Answer:
    sql = f"SELECT host, {p95} FROM {table} WHERE {rows} GROUP BY host ORDER BY host"
    return Answer(sql, has_time=False, has_host=True, exact=False)


def question(name: str, ask: Ask, table: str, dialect: Dialect) -> Answer:
    """A question by its name, as asked of a table."""
    rows = where(ask, dialect)
    match name.split("-"):
        case ["single", "groupby", metrics, _, _]:
            return maxima(table, dialect.minute, int(metrics), rows)
        case ["cpu", "max", "all", _]:
            return maxima(table, dialect.hour, 10, rows)
        case ["double", "groupby", metrics]:
            return means(table, dialect.hour, 10 if metrics == "all" else int(metrics), rows)
        case ["groupby", "orderby", "limit"]:
            return last_minutes(table, instant(ask.end, dialect), dialect.minute)
        case ["high", "cpu", _]:
            return high(table, rows)
        case ["lastpoint"]:
            return last_point(table, dialect)
        case ["fleet", "by", "hour"]:
            return fleet(table, dialect.hour, 1, rows)
        case ["fleet", "all", "by", "hour"]:
            return fleet(table, dialect.hour, 10, rows)
        case ["fleet", "by", "day"]:
            return fleet(table, dialect.day, 1, rows)
        case ["fleet", "p95"]:
            return fleet_p95(table, dialect.p95, rows)
    raise ValueError(f"no SQL is known for the query {name!r}")
