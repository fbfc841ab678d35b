"""What DuckDB does of the same job: hits and bytes by second, section and status.

    python -m bench.peers.duckdb_query FILE THREADS

Prints the number of lines it counted.
"""

import sys

import duckdb

REQUEST = r'\[([^\]]+)\] "[A-Z]+ (/[^/?" ]*)[^"]*" (\d{3}) (\d+|-)'
QUERY = f"""
with parsed as (
    select regexp_extract(line, '{REQUEST}', ['at', 'section', 'status', 'size']) as r
    from read_csv(?, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '',
                  escape = '', header = false, auto_detect = false)
)
select try_strptime(r.at, '%d/%b/%Y:%H:%M:%S %z') as second, r.section, r.status,
       count(*) as hits, sum(try_cast(r.size as bigint)) as bytes
from parsed
group by all
"""


def main() -> None:
    """Run the query and add its groups up again."""
    path, threads = sys.argv[1:]
    connection = duckdb.connect(config={"threads": int(threads)})
    connection.execute(f"create table groups as {QUERY}", [path])
    row = connection.execute("select sum(hits)::bigint from groups").fetchone()
    assert row is not None
    print(row[0])


if __name__ == "__main__":
    main()
