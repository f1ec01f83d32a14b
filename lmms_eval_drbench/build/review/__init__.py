"""Human verification: a page to decide record by record, and what the decisions make of the data."""
