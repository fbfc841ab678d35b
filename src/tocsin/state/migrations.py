"""The schema, as the steps that led to it: each takes a store one version further.

A file is brought up to date in one transaction. Steps are never changed once they have
been released; a new one is put at the end. Only words that every SQL database knows are
used; `{blob}` is the type of bytes, which each calls otherwise.
"""

from __future__ import annotations

from typing import Final

_CORE: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE positions (stream TEXT PRIMARY KEY, source TEXT NOT NULL,
  bookmark TEXT NOT NULL, line_count BIGINT NOT NULL, byte_count BIGINT NOT NULL,
  checksum TEXT NOT NULL);
CREATE TABLE documents (name TEXT PRIMARY KEY, body {blob} NOT NULL,
  checksum TEXT NOT NULL);
CREATE TABLE segments (id BIGINT PRIMARY KEY, name TEXT NOT NULL,
  begins BIGINT NOT NULL, ends BIGINT NOT NULL, row_count BIGINT NOT NULL,
  level BIGINT NOT NULL, size BIGINT NOT NULL, body_checksum TEXT NOT NULL,
  checksum TEXT NOT NULL, body {blob} NOT NULL);
CREATE TABLE incidents (id BIGINT PRIMARY KEY, alarm TEXT NOT NULL,
  place TEXT NOT NULL, status TEXT NOT NULL, opened BIGINT NOT NULL, closed BIGINT,
  body TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE incident_events (incident BIGINT NOT NULL, event TEXT NOT NULL,
  at BIGINT NOT NULL, body TEXT NOT NULL, number BIGINT NOT NULL,
  checksum TEXT NOT NULL, PRIMARY KEY (incident, number));
"""

_OUTBOX: Final = """
CREATE TABLE outbox (id TEXT PRIMARY KEY, incident BIGINT NOT NULL,
  channel TEXT NOT NULL, place BIGINT NOT NULL, body {blob} NOT NULL,
  status TEXT NOT NULL, due BIGINT NOT NULL, deadline BIGINT, attempts BIGINT NOT NULL,
  outcome TEXT NOT NULL, checksum TEXT NOT NULL);
CREATE INDEX outbox_by_due ON outbox (status, due);
"""

STEPS: Final = (_CORE, _OUTBOX)
"""Step number n (from 0) takes a store from version n to version n + 1."""

SCHEMA: Final = len(STEPS)
"""The version that this program reads and writes."""


def statements(version: int, blob: str) -> list[str]:
    """Return what takes a store from a version to ours."""
    text = "".join(STEPS[version:]).replace("{blob}", blob)
    return [part.strip() for part in text.split(";") if part.strip()]
