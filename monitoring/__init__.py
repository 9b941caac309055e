"""Datasets of healthy machines, their maps, and word when a machine leaves the healthy region."""
