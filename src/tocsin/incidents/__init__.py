"""Transitions to incidents: what people work on, with ids that never change.

Comes in: transitions of alarms, made or withdrawn. Goes out: what became of which
incident. Refuses: clocks, I/O, and to open an id twice.
"""
