"""The page about formats, made of their own samples: `python -m tocsin.formats.page`."""

import sys
from collections.abc import Iterator
from typing import Any

from tocsin import formats
from tocsin.model.protocols import Format

_TOP = """\
# Formats

A format turns lines into events with typed fields. `auto`, the default, tries the
others on the first 500 lines that are whole (at most 256 KiB) and says what it decided:
`combined, 500 of the first 500 lines matched`; of several that fit as many lines, it
takes the most specific, and names the others. `tocsin formats show NAME` shows how a
format reads its lines, `tocsin explain LOG` what became of each line. The samples below
are the formats' own tests; this page is printed from them by
`python -m tocsin.formats.page > docs/formats.md`.

## What holds for all

* A line ends at a newline byte and nowhere else. Carriage returns before it belong to
  the line end; NUL, U+2028 and their like are characters as all others. A value
  never holds a newline, not even inside CSV quotes.
* Bytes that are not UTF-8 become U+FFFD; the line still parses if its structure is
  right. A byte-order mark at the start of a line is dropped.
* Blank lines (nothing, or spaces and tabs) are skipped. So is a CSV header line,
  wherever it comes again. Every other line is an event or a parse error.
* What a line comes to depends on that line alone, and on the first lines of its
  stream where they name columns and fields. Which fields are asked for changes nothing.
* Every event has a `time`, in UTC and to the microsecond, between the years 1 and
  9999. Stamps without an offset are in the source's `timezone`: of two equal hours in
  autumn the first is meant; in a skipped hour of spring the offset before it holds.
* A field has the type that is declared, or known from the lists on this page. Any
  other is read as what the rules use it as (a number, if they only compute with it),
  else as text: what first lines hold decides nothing. A value that does not fit its
  type is null; the summary counts those, and a warning names the field once.
* `line`, the raw text, can be asked for in every format.

### Times

Epoch seconds, milliseconds, microseconds and nanoseconds (told apart by size: below
10^11 seconds, below 10^14 ms, below 10^17 us), with or without a fraction; ISO 8601
(`T` or a space, `.` or `,`, with or without seconds and offset, or a date alone); and
`07/Feb/2019:21:11:01 +0000`. `time_format` says it outright: `epoch`, `s`, `ms`,
`us`, `ns`, `iso`, `clf`, or a strptime pattern such as `%d.%m.%Y %H:%M:%S,%f`.

### Access-log fields

| field | type | |
|---|---|---|
"""

_MIDDLE = """
Other names for them: {aliases}.

`section` is what stands before the second `/` of the path, without its query:
`/pages/create?x=1` is in `/pages`, `/` and `/?x=1` are in `/`. A request whose target
does not begin with `/` (`*`, `http://host/x`, `host:443`) has a `path` but no section;
one that is not a request at all (`-`, bytes of TLS) has neither, nor a `method`. Such
fields are null. Escapes such as `\\"` and `\\x16` are left as they were logged.

## Formats
"""

_NOTES = {
    "syslog": "Stamps without a year are read as *Stamps without a year*\n"
    "says, below; the samples as if the log had last been written to in June 2019.",
    "python": "Lines that continue an event (indented ones, tracebacks) are joined to it.",
    "log4j": "Lines that continue an event (indented ones, stack traces) are joined to it.",
    "postgres": "Lines that begin with a tab are joined to the one before.",
    "w3c": "The first `#Fields:` line of a stream names its columns; lines of `#` are skipped.",
    "cri": "Parts of a line (`P`) are events of their own.",
}
REFERENCE = 1_559_347_200_000_000
"""When the samples' logs were last written to (µs): it tells their years."""

_WRITTEN = """
## Formats of your own

In the configuration, under `formats:` or in the source, one of these keys says how a
line reads. The format is compiled once, to the same kind of plan as the built-in ones.

```yaml
formats:
  - name: shop
    pattern: '{ip} - {user} [{time:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status:int}'
  - name: edge
    log_format: '$remote_addr [$time_local] "$request" $status $request_time'
  - name: old
    regex: '^(?P<time>\\S+) (?P<level>[A-Z]+) (?P<message>.*)$'
  - name: shipped
    grok: '%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} %{GREEDYDATA:message}'
    multiline: {starts_with: '^[0-9]{4}-'}
    derive:
      failed: "level IN ('ERROR', 'FATAL')"
```

* **`pattern`**: text with fields in braces. `{name}` is text; `{name:int}`, and likewise
  `float`, `bool`, `ip`, `duration` and `bytes`, is typed; `{name:duration:ms}` says the
  unit of plain numbers; `{name:%Y-%m-%d %H:%M:%S}`, `{name:iso}`, `{name:ms}` is a time.
  `{}` passes over text. `{{` and `}}` are braces. A field in double quotes may hold
  escaped quotes; any other ends at the first sign that can end it, or, if the line does
  not fit so, as early as lets the whole line fit.
* **`log_format`**: of nginx or Apache, as it stands in the server's configuration, with or
  without the statement around it. Fields have the names of access logs.
* **`regex`**: named groups are fields. It matches where it first can; write `^` and `$`
  for the whole line. It takes linear time: no look-around, no back-references.
* **`grok`**: `%{NAME}`, `%{NAME:field}`, `%{NAME:field:type}` with the public names.
* **The time** is the field that is typed as one, else one that is called `time`,
  `timestamp`, `date` and the like, else what `time_field` names.
* **Units**: `1m30s`, `12ms`, `250us`; `1.5KiB` (1024), `2MB` (1000), `512k` (1024).
* **`derive`** adds fields by SQL over the others, in their order.
* **`multiline`** joins lines: `starts_with` matches every first line, or `continues_with`
  every further one. Of an event, `max_lines` (500) lines and `max_bytes` (65,536) are
  kept; the others count as `joined` all the same, and so does a line that continues what
  is not there. The last event of a log that is being written is waited for, for `wait`
  (1 s) after the last line; what comes later is joined to nothing.

### Stamps without a year

`Mar 27 13:06:56` is in the year that puts the first such stamp of its file before the
file was last written to (a day of leeway), or, in a pipe, before now. All others are in
the twelve months that begin thirty days before that first one: so a log may pass over
new year, and is read the same again later.
"""

_BOTTOM = """
## Limits

* `common` and `combined` want one space between fields. A status is a whole number of
  at most nine digits, a size one of at most eighteen, or `-`, which is 0. In
  `combined`, a referer and a user agent that are cut off or badly quoted are null, and
  what stands there is the `rest`: the request counts all the same.
* `csv` columns that are called `status` or `bytes` must hold whole numbers (`bytes`
  also `-`). Without a column for the time no line is an event. Lines without a header
  whose seven values are an address, two names, an epoch, a request, a status and a size
  are read as `remotehost`, `rfc931`, `authuser`, `date`, `request`, `status`, `bytes`.
* Of lines that could not be parsed, the first few of different shapes are kept as
  samples: the same line with other words and numbers has the same shape.
* `json` takes one object a line. A line is a parse error when it is nested more than
  1,023 deep (127 if it has more than a hundred brackets), or holds a number of more
  than 38 digits, a number beyond a double, half a surrogate pair, or `NaN`. Of a key
  that comes twice the first counts. Numbers are read as text first: `1e3` is `1000`.
* A log whose lines often have escaped quotes, or are often broken, is read at about a
  third of the usual speed. A few such lines cost nothing to speak of.
"""


def page() -> str:
    """Return the whole page, as Markdown."""
    from tocsin.formats import access  # noqa: PLC0415

    rows = "".join(
        f"| `{f.name}` | {f.type.value} | {f.about} |\n" for f in access.FIELDS
    )
    aliases = ", ".join(f"`{alias}` ({ours})" for alias, ours in access.ALIASES.items())
    middle = _MIDDLE.format(aliases=aliases)
    about = "".join("".join(_section(formats.get(name))) for name in formats.names())
    return _TOP + rows + middle + about + _WRITTEN + _BOTTOM


def _section(made: Format) -> Iterator[str]:
    yield f"\n### `{made.name}`\n\n{made.about[0].upper()}{made.about[1:]}.\n"
    if made.name in _NOTES:
        yield f"\n{_NOTES[made.name]}\n"
    for sample, fields in made.samples.items():
        yield f"\n```\n{sample.decode()}\n```\n\n"
        yield f"{_fields(fields)}\n" if fields else "Refused.\n"


def _fields(fields: Any) -> str:  # noqa: ANN401
    return ", ".join(f"`{name}` = `{_value(value)}`" for name, value in fields.items())


def _value(value: object) -> str:
    return "null" if value is None else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
