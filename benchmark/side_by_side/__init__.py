"""Speed, memory and accuracy of echoes beside other ways to compute the same."""
