"""Weights from elsewhere: `caffemodel.py` reads Caffe's."""
