"""Output for people: figures, submissions, tables in Markdown, and texts on the terminal."""
