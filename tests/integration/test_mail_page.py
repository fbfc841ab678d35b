"""The page of a mail in a real browser, as wide as a desk and as narrow as a phone."""

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tocsin.channels.email import Email
from tocsin.channels.smtp import Server
from tocsin.model import samples

pytestmark = pytest.mark.integration

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EMAIL = Email("m", Server("h", 25), "Tocsin <t@example.org>", ("ops@example.org",))
WIDE, PHONE = 1_000, 375
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe style="width:{width}px;height:3000px;border:0" srcdoc="{page}"></iframe>
<script>addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  const broken = [...page.images].filter(i => !i.naturalWidth).length;
  const seen = [page.documentElement.scrollWidth, page.images.length, broken];
  document.body.dataset.seen = seen.join(" ");
}});</script>"""


def page(name: str) -> str:
    """The HTML of a sample's mail, its pictures within."""
    mail = EMAIL.mail(samples.all_kinds()[name])
    part = mail.get_body(("html",))
    assert part is not None
    html = str(part.get_content())
    for one in mail.walk():
        if one.get_content_type() == "image/png":
            raw = base64.b64encode(one.get_content()).decode()
            cid = str(one["Content-ID"]).strip("<>")
            html = html.replace(f"cid:{cid}", f"data:image/png;base64,{raw}")
    return html


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("name", samples.all_kinds())
def test_a_mail_fits_its_screen(name: str, width: int, tmp_path: Path) -> None:
    if BROWSER is None:
        reason = "there is no browser (Debian: chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    html = page(name)
    framed = html.replace("&", "&amp;").replace('"', "&quot;")
    (tmp_path / "mail.html").write_text(FRAME.format(width=width, page=framed))
    ran = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={WIDE},2000",
            "--virtual-time-budget=5000", f"file://{tmp_path / 'mail.html'}",
        ],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    seen = re.search(r'data-seen="(\d+) (\d+) (\d+)"', ran.stdout)

    assert seen is not None, ran.stderr[-2_000:]
    needed, pictures, broken = map(int, seen.groups())
    assert needed <= width, "nothing is cut off, nothing scrolls sideways"
    assert (pictures, broken) == (html.count("<img"), 0)
