"""Which modules pytest looks into for examples: not those that need an optional package.

`make test` reads the examples of every module's docstrings, and imports the module for that.
"""

import importlib.util

NEED_TORCH = ["cpm/benchmark/torch_network.py", "cpm/benchmark/torch_sides.py"]
collect_ignore = [] if importlib.util.find_spec("torch") else NEED_TORCH
