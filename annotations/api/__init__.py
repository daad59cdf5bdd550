"""JSON for programs: the acts of the pages, through the same access functions and services."""
