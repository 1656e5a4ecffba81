"""Metrics of pose estimation in NumPy: predicted joints and true joints in, percentages out.

Every metric gives each joint of each person a *credit* between 0 and 1, or leaves it uncounted; a
score is the mean credit of what was counted (scores.py). What differs is how far "near" is:

  pcp.py  PCP@25px: 25 pixels of the 368-pixel crop          (the blog project's number)
  pck.py  PCK@a:    a × torso                                 (LSP)
          PCKh@t:   t × 0.6 × diagonal of the head rectangle  (MPII)
          and the area under each of both curves (AUC)
  limbs.py  PCP of limbs, strict and average: 0.5 × the limb  (LSP)

`report.score` computes all that the annotations allow, `tables` prints them. Say which metric a
number is, always: 25 px is, in MPII's unit, a median PCKh threshold of 0.87.
"""
