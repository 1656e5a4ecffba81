"""Writes a run on one page, or compares several runs.

    python bin/report.py runs/photos
    python bin/report.py runs/photos runs/tuned

The script itself is cpm/cli/report.py.
"""

from cpm.cli import report
from cpm.cli.command_line import run

if __name__ == "__main__":
    run(report)
