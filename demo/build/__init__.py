"""Makes the demo corpus again from its scripts: drawn faces, synthesised voices, one JSONL."""
