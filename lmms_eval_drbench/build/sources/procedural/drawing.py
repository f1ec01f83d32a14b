"""Drawing (to come): silhouettes are boxes for now."""

import numpy as np


def silhouette(piece, width, height):
    return np.ones((height, width), dtype=bool)
