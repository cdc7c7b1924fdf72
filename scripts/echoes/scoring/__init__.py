"""How good predictions are: the competition's score, the field's metrics, intervals, comparisons.

Everything here takes arrays of measured and of predicted responses; it knows no model.
"""
