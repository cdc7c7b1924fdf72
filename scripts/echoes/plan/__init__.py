"""The plan of a run: experiments, settings and files that follow from a configuration; its checks.

The Snakefile imports this package each time it is read, so nothing here imports numpy.
"""
