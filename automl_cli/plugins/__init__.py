"""What is found by name: code that is imported on first use (`registry`), spaces by listing and entry points (`discovery`)."""
