"""Write access.log: eight minutes of a small web shop, with a rush in the middle.

The same seed writes the same bytes. Traffic is calm at 4 to 7 requests a second, climbs
to about 24 for a minute and a half, and calms down again: so the alarm for more than 10
a second over two minutes rings once and recovers. While the rush is at its highest,
`/checkout` answers a few errors.

    python examples/demo/generate.py
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
SECONDS = 8 * 60
RUSH = range(150, 240)
BUSIEST = range(175, 225)

PATHS = {
    "/": 6,
    "/products/teapot": 9,
    "/products/kettle": 8,
    "/products/mugs?page=2": 5,
    "/static/app.js": 7,
    "/static/site.css": 7,
    "/api/cart": 8,
    "/api/search?q=green+tea": 6,
    "/checkout/address": 3,
    "/checkout/pay": 3,
    "/account/login": 2,
    "/blog/how-to-brew": 2,
    "/old-page": 1,
}
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
    "TeaBot/1.0 (+https://bot.example.net)",
)


def rate(second: int) -> float:
    """Return the requests per second to expect at a second of the log."""
    calm = 5.5
    if second not in RUSH:
        return calm
    ramp = min(second - RUSH.start, RUSH.stop - second) / 20
    return calm + 19 * min(1.0, ramp)


def status(random: Random, path: str, second: int) -> int:
    """Return how the shop answers, a little worse in the rush."""
    if path == "/old-page":
        return 404
    if path.startswith("/checkout") and second in BUSIEST and random.random() < 0.2:
        return 503
    return random.choices((200, 304, 302, 404), (90, 6, 3, 1))[0]


def line(random: Random, second: int) -> str:
    """Return one line of the combined log format."""
    path = random.choices(list(PATHS), list(PATHS.values()))[0]
    writes = path in {"/api/cart", "/checkout/pay", "/account/login"}
    method = "POST" if writes else "GET"
    code = status(random, path, second)
    size = 0 if code in {304, 302} else int(random.lognormvariate(8.2, 1.0))
    client = f"198.51.100.{random.randrange(1, 255)}"
    user = "anna" if path.startswith("/account") else "-"
    at = (START + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S %z")
    referer = "-" if random.random() < 0.4 else "https://shop.example.com/"
    request = f'"{method} {path} HTTP/1.1" {code} {size}'
    return f'{client} - {user} [{at}] {request} "{referer}" "{random.choice(AGENTS)}"\n'


def log(seed: int = 7) -> Iterator[str]:
    """Return all lines, in the order a server would write them."""
    random = Random(seed)
    for second in range(SECONDS):
        hits = max(0, round(random.gauss(rate(second), 1.3)))
        for _ in range(hits):
            yield line(random, second)


def main() -> None:
    """Write the log beside this script."""
    target = Path(__file__).with_name("access.log")
    with target.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(log())


if __name__ == "__main__":
    main()
