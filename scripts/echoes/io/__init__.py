"""Files, tables, command lines and errors: what every other room needs to read and write."""
