"""Plimsoll and DuckDB on real data, the traces of Bitbrains; `python -m bitbrains --help`."""
