"""What predicts responses, behind one interface: fit on training perturbations, predict others.

A model takes arrays and gives arrays. It knows no files and no network. `catalogue` lists all
models and what each of them needs.
"""
