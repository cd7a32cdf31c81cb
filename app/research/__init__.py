"""What a researcher does without the page: import, compute, verify, export."""
