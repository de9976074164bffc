"""LightGBM, imported without the optional libraries of its wrappers.

``import lightgbm`` imports scikit-learn, pandas, pyarrow and others where they are installed, for estimator classes and
data frames that this product does not use with it. Measured for the worker's start: 7.5 s of CPU and 220 MB with them,
3.1 s and 97 MB without. They are hidden during this one import only and can be imported afterwards.
"""

from __future__ import annotations

import sys

_FOR_WRAPPERS = ("sklearn", "pandas", "pyarrow", "dask", "matplotlib", "graphviz", "cffi")

_hidden = [name for name in _FOR_WRAPPERS if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]  # what the import system reads as "not installed"
try:
    import lightgbm
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["lightgbm"]
