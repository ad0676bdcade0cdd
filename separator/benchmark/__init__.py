"""Cost of a model: counted, measured on this machine, and beside other software."""
