"""Commands in files of data that make these again: shown where the data are damaged.

They are in a file, and whoever reads them is to type them. So none is shown but one of our own
scripts with flags: a folder of a stranger could name any command.
"""

import re

# A value is spelled as `shlex.quote` does: plain characters, or all of it in single quotes.
_VALUE = r"""(?:[\w@%+:,./…-]|'[^']*'|"'")*"""
_COMMAND = re.compile(
    rf"(?:python )?bin/(?:convert|make_scenes)\.py(?: …| --\w+(?:={_VALUE})?)*", re.ASCII
)


def own_command(text: object, script: str = "bin/convert.py") -> str:
    """The command `text` where it calls one of our scripts and nothing else, or else `script`.

    >>> own_command("python bin/convert.py --dataset=lsp --out='my data'")
    "python bin/convert.py --dataset=lsp --out='my data'"
    >>> own_command("python bin/convert.py --out=a; rm -r b")
    'bin/convert.py'
    """
    return text if isinstance(text, str) and _COMMAND.fullmatch(text) else script
