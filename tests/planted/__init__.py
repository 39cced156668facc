"""Bugs that somebody might make, planted one by one: do the tests named for them notice?"""
