"""Events to datapoints: panes, watermarks, aggregates, windows and formulas.

Comes in: batches of events, and how far time has come. Goes out: cells (mergeable
partials of a metric, key and pane) and runs (datapoints in columns). Refuses: clocks,
I/O, and any sum whose result depends on the order or the grouping of its parts.
"""
