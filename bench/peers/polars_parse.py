"""The bare Polars parse of the same file: the floor under what Tocsin can reach.

    python -m bench.peers.polars_parse FILE

Splits each line on its quotes, cuts time, section, status and size out of the pieces,
and counts by second, section and status. It trusts every line: no grammar, no account,
no time zones, no windows. Prints the number of lines it counted.
"""

import sys
from pathlib import Path

import polars as pl

BLOCK = 16 << 20
SCHEMA = {f"column_{number}": pl.String for number in range(1, 8)}
HEAD, REQUEST, ANSWER = list(SCHEMA)[:3]


def groups(block: bytes) -> pl.DataFrame:
    """Return hits and bytes by second, section and status of one block of lines."""
    pieces = pl.read_csv(
        block,
        has_header=False,
        separator='"',
        quote_char=None,
        schema=SCHEMA,
        columns=[HEAD, REQUEST, ANSWER],
        truncate_ragged_lines=True,
    )
    answer = pl.col(ANSWER)
    rows = pieces.lazy().select(
        at=pl.col(HEAD).str.slice(-28, 20),
        section=pl.col(REQUEST).str.splitn("/", 3).struct.field("field_1"),
        status=answer.str.slice(1, 3),
        size=answer.str.slice(5).str.strip_chars().cast(pl.Int64, strict=False),
    )
    return (
        rows.group_by("at", "section", "status")
        .agg(hits=pl.len(), bytes=pl.col("size").sum())
        .with_columns(pl.col("at").str.to_datetime("%d/%b/%Y:%H:%M:%S", strict=False))
        .collect()
    )


def main() -> None:
    """Read the file in blocks of whole lines and add the groups up."""
    parts = []
    with Path(sys.argv[1]).open("rb") as log:
        while block := log.read(BLOCK):
            parts.append(groups(block + log.readline()))
    keys = "at", "section", "status"
    total = pl.concat(parts).group_by(keys).agg(pl.col("hits", "bytes").sum())
    print(total["hits"].sum())


if __name__ == "__main__":
    main()
