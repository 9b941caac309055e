"""Files of old analyses: Apache Parquet, which any reader of it can use without this product.

A row is an analysis with all its columns; its anomalies stand in it as a list of structures.
Everything here needs pyarrow, so it is imported once there is a file to write or to read.
"""
