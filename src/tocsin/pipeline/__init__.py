"""Compiles a configuration into a plan, and carries batches through it, purely.

Comes in: a configuration, batches of events, ticks. Goes out: records. Refuses:
clocks, I/O and sleeping; whoever turns the crank brings the time along.
"""
