"""The same job done by others."""
