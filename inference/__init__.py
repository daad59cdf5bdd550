import os

# Read by OpenMP when torch is first imported. By default its threads spin while they wait, and on
# a machine where every core is busy that made a small model's answers seven times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Read by MKL at its first product. Without it a row's float32 sums depend, on some CPUs, on where
# in memory the row lies, and an answer then on what is answered beside it.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
