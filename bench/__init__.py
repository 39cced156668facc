"""Measurements: ``python -m bench.<name>`` runs one and writes ``bench/results/<name>.md``."""
