"""Write the log that the benchmark reads: combined format, the same bytes each time.

About a hundred lines a second with busy and quiet minutes, 4,000 clients, 60 sections;
a hundredth of the lines is a second or two late; a few are what the internet sends:
noise that is no request, and user agents with escaped quotes.
"""

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

START = datetime(2026, 3, 2, tzinfo=UTC)
SEED = 20260302
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.net/about)",
    "curl/8.5.0",
    "",
)
ODD = (
    r'"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03" 400 226 "-" "-"',
    r'"GET /search/all HTTP/1.1" 200 512 "-" "agent \"in\" quotes"',
)


def request(random: Random, sections: list[str]) -> str:
    """Return one line from the request on, without its newline."""
    if random.random() < 0.002:
        return random.choice(ODD)
    section = sections[min(int(random.expovariate(0.08)), len(sections) - 1)]
    path = f"{section}/{random.choice(('list', 'item', 'edit', 'a/b'))}"
    path += f"/{random.randrange(5000)}?page={random.randrange(9)}"
    method = random.choices(("GET", "POST", "HEAD"), (90, 8, 2))[0]
    status = random.choices((200, 304, 301, 404, 500), (86, 6, 3, 4, 1))[0]
    size = "-" if status == 304 else str(int(random.lognormvariate(8.5, 1.5)))
    referer = random.choice(("-", "https://www.example.com/", "https://example.org/x"))
    agent = random.choice(AGENTS) or "-"
    return f'"{method} {path} HTTP/1.1" {status} {size} "{referer}" "{agent}"'


def clients(random: Random) -> list[str]:
    """Return the beginnings of lines, up to the time."""
    return [
        f"203.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"
        f" - {random.choice(('-', '-', '-', 'anna'))} ["
        for _ in range(4000)
    ]


def stamp(second: int) -> str:
    """Return the time as an access log writes it."""
    return (START + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000] ")


def write(target: Path, lines: int) -> None:
    """Write a log of exactly so many lines; an unfinished file never has its name."""
    random = Random(SEED)
    sections = [f"/section{number:02}" for number in range(60)]
    heads = clients(random)
    tails = [request(random, sections) + "\n" for _ in range(50_000)]
    draft = target.with_suffix(".draft")
    left, second = lines, 2
    with draft.open("w", encoding="ascii", newline="\n", buffering=1 << 20) as out:
        while left:
            busy = 180 if second // 600 % 4 == 1 else 85
            count = min(left, max(0, round(random.gauss(busy, 12))))
            now, recent = stamp(second), stamp(second - random.randint(1, 2))
            late = max(1, count // 100)
            times = [recent] * late + [now] * (count - late)
            some = zip(
                random.choices(heads, k=count),
                times[:count],
                random.choices(tails, k=count),
                strict=True,
            )
            out.writelines(map("".join, some))
            left, second = left - count, second + 1
    draft.rename(target)


def cached(folder: Path, lines: int) -> Path:
    """Return the log of so many lines, written on first use of this generator."""
    version = sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    target = folder / f"combined-{lines}-{version}.log"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write(target, lines)
        os.sync()
    return target
