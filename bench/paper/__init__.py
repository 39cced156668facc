"""Trainings to the end, on the paper's data sets: its tables, and races for accuracy."""
