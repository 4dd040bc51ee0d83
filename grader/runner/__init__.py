"""Runs kernels: a participant's program, timed, in its own process tree, dead when its budget ends."""
