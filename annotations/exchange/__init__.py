"""Annotations in files of other tools: COCO, YOLO, Pascal VOC and CSV, read and written.

Plain Python: nothing here knows the database. A reader turns bytes into rows, one after the other,
a writer turns pictures into bytes; neither holds a whole file in memory.
"""
