"""The faces of a run: the command line, and what is shown of the records it says.

Comes in: the records of `tocsin.model.records`, in order. Goes out: text, for people
and for programs. Refuses: deciding anything, and trusting text that came from a log.
One view model (`model.Screen`) stands behind every face that shows text.
"""
