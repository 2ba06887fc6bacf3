"""A host's worth of daemons of our own, in a temporary folder, gone without trace afterwards.

For the demo and the benchmarks. Python's standard library only.
"""
