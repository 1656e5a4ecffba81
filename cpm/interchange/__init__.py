"""Weights from elsewhere: the authors' Caffe files and VGG-19. Networks for elsewhere.

In:
caffemodel.py  a `.caffemodel` → kernels and biases by layer name
released.py    the authors' networks: joints, stages, channel orders
vgg19.py       the first ten layers of VGG-19, from Caffe, NumPy or HDF5 files
importer.py    either of them → a checkpoint, every tensor used exactly once

Out:
portable.py    the network as functions of images, in operations that every target has
exporting.py   one network → one file that runs, and how far its answers are from ours
own_answers.py what a file is asked, and our own answers
deviations.py  that comparison, and its table
eight_bits.py  weights as whole numbers and steps, for the formats that widen them
to_savedmodel.py, to_litert.py, to_onnx.py, to_openvino.py, to_stablehlo.py   one format each

What is written is opened by cpm/runtimes. Exporting is imported from its own files, since it needs
prediction, and importing weights does not.
"""

from cpm.interchange.importer import import_weights

__all__ = ["import_weights"]
