"""Where lines come from, and the position to resume from.

Comes in: paths, patterns and file descriptors. Goes out: `Chunk`s of whole lines with
exact positions, and words about what cannot be read. Refuses: what lines mean, and
time: no reader sleeps, waits, or reads a clock; the runner decides when to look again.
"""
