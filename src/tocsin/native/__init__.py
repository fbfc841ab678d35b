"""What is compiled: a small library in C, and how Python calls it.

It is optional, and decides nothing: whatever it does is done by columns where there is no
library, with the same result. Each source stands beside the module that calls it.
"""
