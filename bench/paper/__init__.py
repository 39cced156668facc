"""Trainings to the end, on the paper's data sets: its experiments, and races for accuracy."""
