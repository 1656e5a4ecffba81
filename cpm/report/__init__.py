"""One self-contained HTML page of a run, or of several side by side, from plain values.

html.py          elements, tables and images as HTML; all text is escaped there
run.py           the page of a run
comparison.py    the page of a comparison

Where the values come from: cpm/scoring/run_page.py and cpm/scoring/comparing.py.
"""

from cpm.report.comparison import Comparison, Difference, comparison_page
from cpm.report.run import RunReport, Shown, run_page

__all__ = ["Comparison", "Difference", "RunReport", "Shown", "comparison_page", "run_page"]
