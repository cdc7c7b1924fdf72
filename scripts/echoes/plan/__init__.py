"""What a configuration asks for: experiments, their settings, their files, and whether it is valid.

The Snakefile imports this package each time it is read, so nothing here imports numpy.
"""
