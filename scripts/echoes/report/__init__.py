"""What people look at: figures, submissions, tables in Markdown, and what the console says."""
