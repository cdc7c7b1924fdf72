"""The embedded example: a simulated screen with a planted network signal."""
