"""The programs' door: images, results, analyses and reports under ``/api/v1/``."""
