"""The figures and tables of Chavlis & Poirazi (2025), drawn from the results of a sweep."""
