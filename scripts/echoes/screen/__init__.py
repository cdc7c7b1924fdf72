"""A screen: which genes were silenced and how all measured genes responded.

Readers of the formats in which screens come all give one record.
"""
