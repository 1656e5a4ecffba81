"""What the scripts of bin/ share: flags, exit statuses, and the evaluation of a network on folders.

    command_line.py  the call of a script's `main`; errors as a sentence and a status
    flags.py         flags that several scripts have
    predict.py       images through a network: drawings and files of joints
    evaluate.py      a network on data folders: predictions, scores, tables, pictures

Library code never imports this package. Importing it starts TensorFlow quietly, so it comes first.
"""

import cpm.quiet_start  # noqa: F401
