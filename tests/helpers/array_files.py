"""One array in each kind of file that predictions come in."""

import h5py
import numpy as np
import scipy.io

from tests.helpers.matlab_files import save_matlab_73

ARRAY = np.arange(24, dtype=np.float64).reshape(2, 3, 4)


def save_as(kind, path, array=ARRAY):
    if kind == "mat":
        scipy.io.savemat(path, {"preds": array}, appendmat=False)
    elif kind == "mat73":
        save_matlab_73(path, preds=array)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["preds"] = array
    elif kind == "npz":
        with open(path, "wb") as file:
            np.savez(file, preds=array)
