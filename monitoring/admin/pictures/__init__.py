"""Pictures of maps, distances, anomalies and alerts for reports: one drawing makes SVG and PNG.

An SVG has no style, no script and no link, so it shows under any content security policy and in any
document. Colours are those of Okabe and Ito; sizes say the same as colours. Each picture has a
title that states its message, and axes with units.
"""

from monitoring.admin.pictures.days import bars_by_day
from monitoring.admin.pictures.deviations import deviation_bars
from monitoring.admin.pictures.distances import distances_over_time
from monitoring.admin.pictures.maps import map_picture
from monitoring.admin.pictures.png import PngSheet
from monitoring.admin.pictures.sheet import Sheet, SvgSheet

__all__ = [
    "PngSheet",
    "Sheet",
    "SvgSheet",
    "bars_by_day",
    "deviation_bars",
    "distances_over_time",
    "map_picture",
]
