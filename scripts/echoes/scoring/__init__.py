"""How good predictions are: the competition's score, the field's figures, intervals, comparisons.

Everything here takes arrays of measured and of predicted responses; it knows no model.
"""
