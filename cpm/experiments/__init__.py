"""The paper's experiments, and some that nobody has published, as lists of training runs.

variants.py  what each experiment varies, as data
runner.py    trains every variant with every seed, resuming what is there, and collects the scores
report.py    tables and figures of what was collected
memory.py    how much memory a training step takes

It knows training and evaluation; it knows neither flags nor how a network is built.
"""
