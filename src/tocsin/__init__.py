"""Tocsin watches logs and rings when something is wrong."""

__version__ = "0.1.0"
