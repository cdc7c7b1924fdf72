"""Intervals of predicted responses: which shares of the entries they shall cover."""

#: Shares of entries that an interval shall cover. The second is that of one standard deviation.
LEVELS = (0.5, 0.6827, 0.8, 0.9, 0.95)
