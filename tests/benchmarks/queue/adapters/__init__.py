"""Programs that speak for one system each; they run in that system's own environment."""
