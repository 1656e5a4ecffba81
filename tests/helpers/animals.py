"""Skeletons of animals.

References: Yu et al., "AP-10K: A Benchmark for Animal Pose Estimation in the Wild", NeurIPS 2021.
"""

from cpm.skeleton import own_skeleton

# AP-10K's keypoints in its order: most are called like a person's.
AP10K = own_skeleton(
    (
        *("left_eye", "right_eye", "nose", "neck", "root_of_tail"),
        *("left_shoulder", "left_elbow", "left_front_paw"),
        *("right_shoulder", "right_elbow", "right_front_paw"),
        *("left_hip", "left_knee", "left_back_paw"),
        *("right_hip", "right_knee", "right_back_paw"),
    ),
    [("neck", "root_of_tail"), ("left_knee", "left_back_paw"), ("right_knee", "right_back_paw")],
)
