"""Negative-space analysis as pure functions on bytes and arrays.

Nothing here knows the database or the web. The same bytes and parameters give the same result on
every run and for any number of threads.

    picture = decode(data, limits=Limits(), working_edge=parameters.working_edge)
    analysis = analyse(picture, parameters)
    webp = render_visualization(picture, analysis)

`examine` does all of it at once, overlapping the parts. Import the functions from here; the
modules behind are free to change.
"""

from imaging.analysis.analysing import Analysis, analyse
from imaging.analysis.decoding import Picture, decode
from imaging.analysis.diagrams import histogram_svg, margins_svg, shapes_svg
from imaging.analysis.errors import ImageRefused
from imaging.analysis.examining import (
    Drawings,
    Examination,
    examine,
    render_drawings,
    warm_up,
)
from imaging.analysis.facts import ImageFacts, Limits, inspect
from imaging.analysis.hashing import perceptual_hash
from imaging.analysis.parameters import ALGORITHM, METHODS, VERSION, Parameters
from imaging.analysis.rendering import (
    render_layer_ground,
    render_layer_outline,
    render_preview,
    render_thumbnail,
    render_visualization,
)

__all__ = [
    "ALGORITHM",
    "METHODS",
    "VERSION",
    "Analysis",
    "Drawings",
    "Examination",
    "ImageFacts",
    "ImageRefused",
    "Limits",
    "Parameters",
    "Picture",
    "analyse",
    "decode",
    "examine",
    "histogram_svg",
    "inspect",
    "margins_svg",
    "perceptual_hash",
    "render_drawings",
    "render_layer_ground",
    "render_layer_outline",
    "render_preview",
    "render_thumbnail",
    "render_visualization",
    "shapes_svg",
    "warm_up",
]
