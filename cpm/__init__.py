"""Convolutional Pose Machines (Wei et al., CVPR 2016) in low-level TensorFlow 2.

Data walks through the rooms once, left to right:
`data` → `training` (targets, loss, loop) around `network` → `inference` → `evaluation` → `plots`.
"""
