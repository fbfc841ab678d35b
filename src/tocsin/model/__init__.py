"""The nouns that travel between the rooms: frozen values, protocols and errors.

Comes in: nothing. Goes out: types that every other room may import. Refuses: I/O,
clocks, randomness and any import of another room. Modules are imported by name
(`tocsin.model.batch`), so that a command which needs no columns never loads Polars.
"""
