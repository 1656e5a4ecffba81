"""Prediction files, others' and our own: reading and writing them, their protocols, their checks.

containers.py      named arrays out of MATLAB 5, MATLAB 7.3, HDF5 and NumPy files
matlab_structs.py  MATLAB's cells and structs as plain arrays
json_numbers.py    arrays out of JSON files of plain numbers
named_joints.py    joints that a file names, and joint_spelling.py how it may spell them
formats.py         a file as `[N, P, 2]` positions, 0-based
truth.py           the truth in a data set's own file
published.py       the protocols: which people, joints and metric a data set is scored by
layout_checks.py   joints in another order, or left and right swapped
writing.py         our predictions as such a file
scoring.py         files scored and compared, as bin/eval.py does

It knows the metrics (`cpm.evaluation`), and no network.
"""
