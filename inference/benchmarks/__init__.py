"""The figures of the papers' benchmarks: cases in, a report out. No Django; docs/benchmarks.md."""
