"""A network on data folders and scenes: predictions, scores, tables, figures.

    evaluate.py  the people of converted folders; scores during a training, too
    scenes.py    groups and images of nobody, with known truth

It joins data, inference, evaluation and plots, which do not know one another. Scripts and
experiments use it (docs/decisions/0012-modules-that-join-packages.md).
"""
