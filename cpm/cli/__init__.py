"""What the scripts of bin/ share: flags, exit statuses, and the evaluation of a network on folders.

    command_line.py  the call of a script's `main`; errors as a sentence and a status
    terminal.py      standard streams that cannot end a script
    flags.py         flags that several scripts have
    evaluate.py      a network on data folders: predictions, scores, tables, pictures

Library code never imports this package. Importing it starts TensorFlow quietly, so it comes first.
"""

from cpm.cli import terminal

terminal.before_libraries()

import cpm.quiet_start  # noqa: E402, F401
