"""The gene network: from links to a weighted graph, its random-walk Laplacian and diffusions."""
