"""Notifications to people: one file for each channel.

Comes in: a notification, and whom it is for. Goes out: what became of it, for each of
them. Refuses: to try again (its caller decides), clocks, shells, and to raise for what
the other side does. What an alert says was written by strangers: every channel escapes
it for where it goes.

`tocsin.channels.registry.make` finds a channel by its type.
"""
