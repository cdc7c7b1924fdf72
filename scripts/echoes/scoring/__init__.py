"""Evaluation of predictions: the competition's score, other metrics, intervals, comparisons.

All functions take arrays of measured and of predicted responses, and depend on no model.
"""
