"""Records as parquet, with every picture's bytes once a row group and not once a question.

About five questions share a picture. `datasets` writes the bytes of pictures without a dictionary, so five times;
Parquet's dictionary encoding keeps one copy of equal values, and any reader undoes it.
"""

from pathlib import Path

import datasets
import pyarrow.parquet

_ROWS = 500
"""Rows of a group: what a reader holds at once, and the reach of one dictionary."""
_DICTIONARY_BYTES = 2**28
"""Of a group's distinct pictures; beyond it Parquet falls back to writing them plainly. Its default is 1 MiB."""


def write(dataset: datasets.Dataset, path: str | Path) -> None:
    """Write a data set with its features, readable by `datasets` and by every other Parquet reader."""
    schema = dataset.features.arrow_schema
    arrow = dataset.with_format("arrow")
    with pyarrow.parquet.ParquetWriter(
        path, schema, compression="snappy", dictionary_pagesize_limit=_DICTIONARY_BYTES, write_page_index=True
    ) as writer:
        for start in range(0, len(dataset), _ROWS):
            table = arrow[start : start + _ROWS].cast(schema)
            writer.write_table(table, row_group_size=_ROWS)
