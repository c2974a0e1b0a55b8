"""Makes what the repository holds beside what is written: pictures, parts of pages, tables, weights.

    python -m workshop           make what is stale
    python -m workshop check     say what is
    python -m workshop list      every product, and what makes it stale

Not part of an installed package: who takes the course needs nothing of it.
"""
