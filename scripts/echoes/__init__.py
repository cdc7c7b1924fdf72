"""What a transcriptome does when one gene is silenced, predicted from STRING.

The library is pure: functions take arrays and return arrays, and know nothing
of Snakemake or of the configuration. The command lines beside this package
read files, call one function of it, and write files.
"""
