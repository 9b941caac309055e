"""Reading files of numbers: no Django, no database; memory that does not grow with the file.

Start with ``Detector`` (how is it to be read?), then ``check`` (what is in it?), ``preview`` (show
me) and ``read`` (the numbers). Whatever is wrong is a ``TableRefused`` that names file, row and
column.
"""

from ingestion.reading.checking import ColumnKind, Facts, Remark, check
from ingestion.reading.detecting import Detection, Detector
from ingestion.reading.dialect import DECIMALS, DELIMITERS, ENCODINGS, Dialect
from ingestion.reading.errors import TableRefused
from ingestion.reading.features import FeatureBlock, header_of, read
from ingestion.reading.header import Columns, columns
from ingestion.reading.preview import Preview, preview
from ingestion.reading.sources import Source

__all__ = [
    "DECIMALS",
    "DELIMITERS",
    "ENCODINGS",
    "ColumnKind",
    "Columns",
    "Detection",
    "Detector",
    "Dialect",
    "Facts",
    "FeatureBlock",
    "Preview",
    "Remark",
    "Source",
    "TableRefused",
    "check",
    "columns",
    "header_of",
    "preview",
    "read",
]
