"""The figures of the papers' benchmarks: cases in, a report out. No Django; docs/benchmarks.md.

`inference.benchmarks.suites.benchmark(suite, cases, options, facts)` makes a Report,
`inference.benchmarks.paired.paired(suite, cases, against, options)` a PairedReport.
"""
