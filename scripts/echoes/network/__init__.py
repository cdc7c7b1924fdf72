"""The gene network: from links to a weighted graph, its random-walk Laplacian and diffusions.

Readers of network files return one table of links. Null networks are shuffled networks.
"""
