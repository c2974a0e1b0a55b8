"""The lessons as Jupyter notebooks, in which the exercises are written, checked and seen.

What is written in a notebook is written into the learner's file: there is one work, wherever it is done.
"""
