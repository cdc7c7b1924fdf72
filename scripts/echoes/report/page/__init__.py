"""The page of a run: one HTML file with all that it needs, opened from disk without a network."""
