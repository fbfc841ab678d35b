"""Datapoints to transitions: the state machines of alarms, for all keys at once.

Comes in: runs of datapoints. Goes out: transitions and the new state, a table. Refuses:
clocks, I/O, and knowing how a datapoint came to be.
"""
