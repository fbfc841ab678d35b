"""The state room: positions, windows, alarms and incidents, saved together.

In come changes, each of which is saved whole or not at all; out comes what was
committed, after any crash. Refuses what is damaged, missing where it has been, held by
another process, or of a schema that is newer than this program. What is in documents
and segments is not its business.
"""
