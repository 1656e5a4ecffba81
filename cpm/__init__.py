"""Convolutional Pose Machines (Wei et al., CVPR 2016) in low-level TensorFlow 2.

Data walks through the packages once, left to right:
`data` → `training` (targets, loss, loop) around `network` → `inference` → `evaluation` → `plots`.

Who may import whom is a table in tests/test_architecture.py; each package's docstring lists its files.
"""
