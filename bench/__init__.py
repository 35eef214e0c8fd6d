"""How fast comms are, beside stock JupyterLite and beside what is possible: ``make bench``."""
