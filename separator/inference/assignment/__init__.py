"""Who is in which output: voices of stretches, the order of the outputs over a whole recording, and outputs in it."""
