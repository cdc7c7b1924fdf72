"""A screen: the silenced genes and the responses of all measured genes.

There may be many file formats of screens; every reader returns the same record, in log2.
"""
