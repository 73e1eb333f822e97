"""The queries of TSBS cpu-only on Plimsoll, DuckDB and ClickHouse (chdb). See __main__.py."""
