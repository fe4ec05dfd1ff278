"""Equations of the study: walks, forecasts, portfolios, skill, variance. Arrays in, arrays out."""

import numpy as np
from numpy.typing import NDArray

#: Numbers of any shape; rows of a table of days.
Array = NDArray[np.float64]
Days = NDArray[np.int64]
