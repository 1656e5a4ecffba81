"""The scripts: one module each, named as the script in bin/, and what they share.

    command_line.py  the call of a script; errors as a sentence and a status
    terminal.py      standard streams that cannot end a script
    limited.py       the last words of one whose memory ends under ulimit -v
    flags.py         flags that several scripts have
    shorthands.py    those that are short names for fields of the settings
    training_data.py the folders that a run learns from
    predict_*.py     the parts of predict.py: its flags, images, videos, output

A script is a docstring, which --help prints, `define_flags()` and `main(arguments)`. Parts of a
script are modules named after it: figures_of_runs.py, benchmark_scaling.py. Library code never
imports this package. Importing it starts TensorFlow quietly, so it comes first.
"""

from cpm.cli import terminal

terminal.before_libraries()

import cpm.quiet_start  # noqa: E402, F401
