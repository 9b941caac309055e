"""What reviews taught, as standalone SVG.

No style attribute, no style element and no script: a strict content security policy lets them pass,
and class names let a page's stylesheet refine them. Lines and words take ``currentColor``, so they
read in light and dark; colours are those of Okabe and Ito. Each has a title that says its message.
"""

from annotations.pictures.agreement import agreement_matrix
from annotations.pictures.bars import day_bars, time_histogram
from annotations.pictures.reliability import reliability_diagram

__all__ = ["agreement_matrix", "day_bars", "reliability_diagram", "time_histogram"]
