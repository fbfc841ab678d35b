"""Transitions to incidents, and incidents to notifications: what people work on.

Comes in: transitions of alarms, made or withdrawn, and the time. Goes out: what became
of which incident, with ids that never change, and who is told of it; what is not told
has a named reason. Refuses: clocks, I/O, to open an id twice, and to send because it
was restarted.
"""
