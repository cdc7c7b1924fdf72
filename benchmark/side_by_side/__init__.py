"""echoes beside other methods: what is measured, and the report of it."""
