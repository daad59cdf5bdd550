import os

# Read by OpenMP when torch is first imported. By default its threads spin while they wait, and on
# a machine where every core is busy that made a small model's answers seven times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
