"""A network on data folders and scenes: predictions, scores, tables, figures.

    evaluate.py      the people of converted folders, by options.py, in passes (passes.py)
    result_files.py  what is written of it; shown_people.py and figures.py what is drawn
    validating.py    the same while a network is trained
    scenes.py        groups and images of nobody, with known truth

It joins data, inference, evaluation and plots, which do not know one another. Scripts and
experiments use it (docs/decisions/0012-modules-that-join-packages.md).
"""
