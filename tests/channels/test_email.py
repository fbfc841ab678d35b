"""Mail: what stands in it, and real conversations with a server that refuses."""

# What the mails are made with has no types here.
# ruff: noqa: ANN401

import ssl
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.channels.postbox import Postbox, post
from tests.channels.servers import tcp

from tocsin.channels import chart
from tocsin.channels.email import Email
from tocsin.channels.http import Site
from tocsin.channels.smtp import EVERYWHERE, Server
from tocsin.model import samples
from tocsin.model.notification import Alert, Fate, Kind
from tocsin.model.secret import Secret

HERE = Path(__file__).parent
CERTIFICATE = HERE / "localhost.pem"
FIRING = samples.notification(Kind.FIRING, samples.firing())
RESOLVED = samples.notification(Kind.RESOLVED, samples.resolved())


def mailer(port: int, *to: str, tls: str = "none", **options: Any) -> Email:
    site = Site(allow=EVERYWHERE, timeout=5.0, ca_file=options.pop("ca_file", ""))
    login = {k: options.pop(k) for k in ("user", "password") if k in options}
    server = Server("localhost", port, tls, site=site, **login)
    return Email(
        "ops",
        server,
        "Tocsin <tocsin@example.org>",
        to or ("a@example.org",),
        **options,
    )


def fates(found: Sequence[Any]) -> dict[str, str]:
    return {one.recipient: f"{one.fate}: {one.detail}" for one in found}


def test_a_mail_arrives_in_text_and_html() -> None:
    box = Postbox()
    with post(box) as port:
        email = mailer(port)
        found = email.send(FIRING, ("a@example.org",))

    assert fates(found) == {"a@example.org": "delivered: 250 fine"}
    ((who, raw),) = box.taken
    mail = message_from_bytes(raw, policy=SMTP)
    assert who == ("a@example.org",)
    assert mail["Subject"] == "[CRITICAL] High traffic (section=/section)"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Thu, 07 Feb 2019 21:12:37 +0000"
    assert [p.get_content_type() for p in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    picture = next(p for p in mail.walk() if p.get_content_type() == "image/png")
    assert picture.get_content().startswith(b"\x89PNG")
    assert f"cid:{picture['Content-ID'].strip('<>')}" in raw.decode().replace(
        "=\r\n", ""
    )


def test_a_recovery_answers_its_alarm() -> None:
    email = mailer(25)
    first, second = email.mail(FIRING), email.mail(RESOLVED)

    assert second["In-Reply-To"] == first["Message-ID"]
    assert first["References"] in second["References"]
    assert second["References"].endswith(first["Message-ID"])
    assert first["Message-ID"] != second["Message-ID"]


def test_every_attempt_sends_the_same_bytes() -> None:
    """N6."""
    assert mailer(25).mail(RESOLVED).as_bytes() == mailer(99).mail(RESOLVED).as_bytes()


REFUSALS: dict[str, tuple[Postbox, dict[str, str]]] = {
    "one of three is unknown, two receive": (
        Postbox(rcpt={"b@example.org": ["550 unknown"]}),
        {"a": "delivered: 250 fine", "b": "refused: 550 unknown", "c": "delivered: 250 fine"},
    ),
    "one of three is greylisted": (
        Postbox(rcpt={"b@example.org": ["451 later"]}),
        {"a": "delivered: 250 fine", "b": "retry: 451 later", "c": "delivered: 250 fine"},
    ),
    "the server is closing": (
        Postbox(mail=["421 closing"]), dict.fromkeys("abc", "retry: 421 closing"),
    ),
    "the sender is not welcome": (
        Postbox(mail=["550 no"]), dict.fromkeys("abc", "refused: 550 no"),
    ),
    "the mail is refused for now": (
        Postbox(data=["451 busy"]), dict.fromkeys("abc", "retry: 451 busy"),
    ),
    "the mail is refused for ever": (
        Postbox(data=["554 spam"]), dict.fromkeys("abc", "refused: 554 spam"),
    ),
    "nobody is known": (
        Postbox(rcpt={f"{who}@example.org": ["550 unknown"] for who in "abc"}),
        dict.fromkeys("abc", "refused: 550 unknown"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("box", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_each_recipient_is_told_of(box: Postbox, expected: dict[str, str]) -> None:
    """N5."""
    box = replace(box, taken=[], rcpt={k: [*v] for k, v in box.rcpt.items()},
                  data=[*box.data], mail=[*box.mail])  # fmt: skip
    to = tuple(f"{who}@example.org" for who in "abc")
    with post(box) as port:
        found = mailer(port, *to).send(FIRING, to)

    assert fates(found) == {
        f"{who}@example.org": told for who, told in expected.items()
    }
    reached = tuple(
        f"{w}@example.org" for w, told in expected.items() if "delivered" in told
    )
    assert [who for who, _ in box.taken] == ([reached] if reached else [])


def cut_after_the_dot(sock: Any) -> None:
    """Take a mail, and hang up before saying so."""
    sock.sendall(b"220 hello\r\n")
    lines = sock.makefile("rb")
    while line := lines.readline():
        if line.upper().startswith(b"DATA"):
            sock.sendall(b"354 go\r\n")
            while lines.readline() not in {b".\r\n", b""}:
                pass
            return
        sock.sendall(b"250 fine\r\n")


def test_a_connection_cut_after_the_mail_leaves_it_open() -> None:
    with tcp(cut_after_the_dot) as port:
        (found,) = mailer(port).send(FIRING, ("a@example.org",))

    assert found.fate is Fate.RETRY


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    def silent(sock: Any) -> None:
        while sock.recv(1_000):
            pass

    site = Site(allow=EVERYWHERE, timeout=0.3)
    with tcp(silent) as port:
        found = Server("localhost", port, "none", site=site).send("a@b", ("c@d",), b"x")

    assert found["c@d"].fate is Fate.RETRY
    assert found["c@d"].detail == "no answer in 0.3 s"


def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, HERE / "localhost.key")
    return context


def test_starttls_with_a_certificate_that_is_trusted() -> None:
    box = Postbox()
    options = {
        "tls_context": tls(),
        "require_starttls": True,
        "authenticator": box.login,
    }
    with post(box, **options) as port:
        email = mailer(port, tls="starttls", ca_file=str(CERTIFICATE),
                       user="tocsin", password=Secret("canary"))  # fmt: skip
        (found,) = email.send(FIRING, ("a@example.org",))

    assert (found.fate, found.detail) == (Fate.DELIVERED, "250 fine")
    assert box.logins == [b"canary"]


def test_a_certificate_that_is_not_trusted_is_not_talked_to() -> None:
    box = Postbox()
    with post(box, tls_context=tls(), authenticator=box.login) as port:
        email = mailer(port, tls="starttls", user="u", password=Secret("canary"))
        (found,) = email.send(FIRING, ("a@example.org",))

    assert found.fate is Fate.RETRY
    assert "certificate" in found.detail
    assert (box.taken, box.logins) == ([], [])


def test_nothing_is_sent_in_the_clear_where_starttls_is_not_offered() -> None:
    box = Postbox()
    with post(box) as port:
        (found,) = mailer(port, tls="starttls").send(FIRING, ("a@example.org",))

    assert found.fate is Fate.RETRY
    assert "STARTTLS" in found.detail
    assert box.taken == []


def test_a_wrong_password_is_not_shown() -> None:
    box = Postbox()
    options = {
        "tls_context": tls(),
        "require_starttls": True,
        "authenticator": box.login,
    }
    with post(box, **options) as port:
        email = mailer(port, tls="starttls", ca_file=str(CERTIFICATE),
                       user="u", password=Secret("wrong-canary"))  # fmt: skip
        (found,) = email.send(FIRING, ("a@example.org",))

    assert found.fate is Fate.RETRY
    assert found.detail.startswith("535")
    assert "canary" not in found.detail + repr(email) + email.preview(FIRING)


def labelled(*teams: str) -> tuple[Alert, ...]:
    return tuple(replace(samples.firing(), labels={"team": team}) for team in teams)


def test_labels_choose_among_permitted_addresses() -> None:
    made = samples.notification(Kind.FIRING, *labelled("web", "db", "x@evil.test,y"))
    box = Postbox()
    with post(box) as port:
        email = mailer(port, "{{ labels.team }}@example.org", "ops@example.org",
                       to_allow=("web@*", "*@example.org"))  # fmt: skip
        to = email.recipients(made)
        found = fates(email.send(made, to))

    assert to == (
        "web@example.org",
        "db@example.org",
        "x@evil.test,y@example.org",
        "ops@example.org",
    )
    assert found["x@evil.test,y@example.org"] == "refused: it is no address"
    ((who, raw),) = box.taken
    assert who == ("web@example.org", "db@example.org", "ops@example.org")
    assert b"evil" not in raw.split(b"\r\n\r\n")[0]


def test_an_address_that_no_pattern_permits_is_refused_and_told() -> None:
    made = samples.notification(Kind.FIRING, *labelled("web"))
    email = mailer(25, "{{ labels.team }}@example.net", to_allow=("*@example.org",))
    (found,) = email.send(made, email.recipients(made))

    assert fates([found]) == {
        "web@example.net": "refused: no pattern of to_allow permits it"
    }
    assert "not sent to web@example.net" in email.preview(made)


def test_a_mail_without_charts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    html = html_of(mailer(25).mail(FIRING))

    assert chart.MISSING.replace("'", "&#x27;") in html
    assert "<img" not in html


def test_charts_can_be_left_out() -> None:
    html = html_of(mailer(25, charts=False).mail(FIRING))

    assert "<img" not in html
    assert "No chart" not in html


def test_a_chart_that_cannot_be_drawn_costs_nothing() -> None:
    odd = replace(samples.firing(), series=((0, 1.0), (10**17, 2.0)))
    mail = mailer(25).mail(samples.notification(Kind.FIRING, odd))

    assert "High traffic" in html_of(mail)


@pytest.mark.parametrize("name", samples.all_kinds())
def test_every_kind_makes_a_mail(name: str) -> None:
    mail = mailer(25).mail(samples.all_kinds()[name])

    assert message_from_bytes(mail.as_bytes(), policy=SMTP)["Subject"]


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())
