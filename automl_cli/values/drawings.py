"""Drawings of values as plain data. The row of a kind gives them, `report.drawings` renders them.

Curves   functions of one number (`values.sheet`)
"""

from automl_cli.values.sheet import Curves

Drawing = Curves
