"""Log lines are written by strangers: nothing in them is markup, a header or a template."""

import json
import re
import unicodedata
from email import message_from_bytes
from email.policy import SMTP
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.channels.test_payloads import channel
from tests.laws import law
from tests.structs import structs

from tocsin.channels import text as words
from tocsin.channels.email import Email
from tocsin.channels.html import page
from tocsin.channels.http import Site
from tocsin.channels.links import web
from tocsin.channels.message import compose
from tocsin.channels.slack import Slack, escaped
from tocsin.channels.smtp import Server
from tocsin.channels.webhook import ascii_line
from tocsin.model import samples
from tocsin.model.notification import Alert, Kind, Notification
from tocsin.model.secret import Secret

NASTY = (
    "\r\nBcc: all@example.org\r\n\r\nbody", "a\nb", "\x00", "\u2028\u2029", "\u202e\u2066",
    "<img src=x onerror=alert(1)>", "\"' onmouseover='x'", "javascript:alert(1)", "</table>",
    "{{ 7*7 }}", "{% for x in y %}", "{0.__class__}", "%(x)s", "$(id)", "`id`", "<!channel>",
    "<https://evil.test|click>", "[a](https://evil.test)", "\ud800", "=?utf-8?q?x?=", "\x1b[31m",
    "&lt;script&gt;", "a" * 3_000,
)  # fmt: skip
nasty = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=4).map("".join)
alerts = structs(
    Alert,
    incident=st.just(1),
    alarm=nasty,
    key=st.dictionaries(nasty, nasty, max_size=2),
    status=st.sampled_from(["firing", "resolved"]),
    level=nasty,
    opened=st.just(samples.AT),
    labels=st.dictionaries(nasty, nasty, max_size=2),
    text=nasty,
    reason=nasty,
    runbook=nasty,
    evidence=st.lists(nasty, max_size=2).map(tuple),
    acknowledged_by=nasty,
)
notifications = st.builds(
    lambda alerts, key, why: replace(
        samples.notification(Kind.FIRING, *alerts), key=key, why=why, group={why: key}
    ),
    st.lists(alerts, min_size=1, max_size=2),
    nasty,
    nasty,
)
EMAIL = Email(
    "m", Server("h", 25), "Tocsin <t@example.org>", ("ops@example.org",), charts=False
)


@given(notifications)
@law(60)
def test_no_field_makes_a_header(made: Notification) -> None:
    """X7."""
    clean = EMAIL.mail(samples.notification(Kind.FIRING, samples.firing()))
    raw = EMAIL.mail(made).as_bytes()
    read = message_from_bytes(raw, policy=SMTP)

    assert read.keys() == clean.keys()
    assert read["To"] == "ops@example.org"
    assert read["Subject"].isprintable()
    assert b"\x00" not in raw
    assert read.get_body(("plain",)) is not None


class Tags(HTMLParser):
    """What a mail program would see: tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


@given(notifications)
@law(60)
def test_no_field_makes_markup_of_a_mail(made: Notification) -> None:
    """X6."""
    html = page(made, words.title(made), {})
    seen = Tags()
    seen.feed(html)

    assert seen.tags <= {
        "html", "head", "meta", "title", "body", "table", "tr", "td", "div", "strong", "span",
        "a", "br",
    }  # fmt: skip
    assert seen.attributes <= {
        "lang", "charset", "name", "content", "style", "role", "width", "cellpadding",
        "cellspacing", "align", "valign", "href",
    }  # fmt: skip
    assert all(re.match("https?://", link) for link in seen.links)
    assert not [c for c in html if unicodedata.category(c) in {"Cf", "Cs"}]


@given(notifications)
@law(60)
def test_texts_have_no_signs_that_hide(made: Notification) -> None:
    """X6."""
    for text in (words.title(made), words.body(made)):
        assert all(line.isprintable() for line in text.split("\n"))


@given(nasty)
@law(60)
def test_in_slack_nobody_is_called_and_nothing_linked(text: str) -> None:
    assert not re.search("[<>]", escaped(text))


@given(notifications)
@law(50)
def test_what_slack_is_sent_links_only_to_the_web(made: Notification) -> None:
    slack = Slack("s", Site(), Secret("https://example.org/x"))
    sent = json.loads(slack.preview(made).partition("\n\n")[2])
    for block in sent["blocks"]:
        if block["type"] == "section":
            links = re.findall("<(.*?)>", block["text"]["text"], re.DOTALL)
            assert all(re.fullmatch(r"https?://[^|]*\|Runbook", link) for link in links)


@pytest.mark.parametrize(
    "name", ["alertmanager", "opsgenie", "pagerduty", "teams", "telegram", "webhook"]
)
@given(made=notifications)
@law(30)
def test_what_is_posted_is_json_in_utf8(name: str, made: Notification) -> None:
    made_channel: Any = channel(name)
    shown = made_channel.preview(made).partition("\n\n")[2].partition("\n\nPOST")[0]

    json.loads(shown.encode(), parse_constant=pytest.fail)


@given(nasty)
@law(60)
def test_a_key_is_fit_for_a_header(text: str) -> None:
    assert ascii_line(text).isascii()
    assert ascii_line(text).isprintable()


@pytest.mark.parametrize("form", ["subject", "text"])
@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{0.__class__}", "%(x)s", "$(id)"])
def test_what_fields_hold_is_no_template(form: str, text: str) -> None:
    """X8."""
    alert = replace(samples.firing(), alarm=text)
    message = compose(samples.notification(Kind.FIRING, alert), {form: "<{{ alarm }}>"})

    assert getattr(message, form) == f"<{text}>"


@given(notifications)
@law(50)
def test_templates_escape_for_where_they_stand(made: Notification) -> None:
    forms = {
        "html": "<b>{{ alarm }}</b>",
        "json": '{"a": {{ alarm }}, "b": [{{ why }}]}',
    }
    message = compose(made, forms)

    assert message.failed == ""
    assert re.fullmatch("<b>[^<>]*</b>", message.html or "", re.DOTALL)
    assert json.loads(message.json or "").keys() == {"a", "b"}


FAILS = {
    "a filter that fails": "{{ alert.value|round(1) }}",
    "a loop without end": "{% for a in range(9000) %}" * 2 + "x" + "{% endfor %}" * 2,
    "too much text": "{{ alarm * 100000 }}",
    "no template": "{% if %}",
    "attributes of objects": "{{ alert.alarm.__class__.__mro__() }}",
}  # fmt: skip


@pytest.mark.parametrize("template", FAILS.values(), ids=FAILS)
def test_a_template_that_fails_never_costs_the_message(template: str) -> None:
    """X8."""
    made = samples.all_kinds()["an alarm without a value"]
    message = compose(made, {"text": template, "subject": "{{ alarm }}!"})

    assert message.subject == "Silent!"
    assert words.body(made).rstrip() in message.text
    assert "the template for text failed" in message.text
    assert "this is the plain form" in message.text


LINKS = {
    "https://wiki.example.org/a?b=c&d=e#f": True,
    "http://10.0.0.1:8080": True,
    "javascript:alert(1)": False,
    "https://e.org/a b": False,
    "https://e.org/|x>": False,
    'https://e.org/"onclick=': False,
    "//e.org": False,
    "https://e.org/\u202e": False,
    "https://user@e.org/": False,
    "": False,
}


@pytest.mark.parametrize(("text", "fine"), LINKS.items())
def test_only_plain_addresses_of_the_web_are_links(text: str, *, fine: bool) -> None:
    """X6."""
    assert web(text) == (text if fine else "")
