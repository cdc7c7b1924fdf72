"""Models that predict responses: each fits on training perturbations and predicts others.

All models have the same interface. They take and return arrays, and depend neither on files nor on
the room of networks. `catalogue` lists all models and what each of them needs.
"""
