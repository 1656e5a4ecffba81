"""Makes test scenes with known truth from the people of converted folders.

    python bin/make_scenes.py --data=data/lsp,data/lspet --kind=gray --out=data/scenes/gray
    python bin/make_scenes.py --data=data/lsp --kind=neighbors --out=data/scenes/neighbors
    python bin/make_scenes.py --data=data/lsp,data/lspet --kind=groups --out=data/scenes/groups

The script itself is cpm/cli/make_scenes.py.
"""

from cpm.cli import make_scenes
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(make_scenes)
