"""A competition's self-test: what is true of its bundle, its labels and its split, as findings.

One module a check; `examine` runs them all. Nothing here prints, and nothing here knows the judge: what needs the
judge is in `grader.doctor`.
"""
