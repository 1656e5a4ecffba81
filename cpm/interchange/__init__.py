"""Weights from elsewhere: the authors' Caffe files and VGG-19.

caffemodel.py  a `.caffemodel` → kernels and biases by layer name
released.py    the authors' networks: joints, stages, channel orders
vgg19.py       the first ten layers of VGG-19, from Caffe, NumPy or HDF5 files
importer.py    either of them → a checkpoint, every tensor used exactly once
"""

from cpm.interchange.importer import import_weights

__all__ = ["import_weights"]
