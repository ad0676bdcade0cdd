"""What a model costs: counted, measured on this machine, and beside other software."""
