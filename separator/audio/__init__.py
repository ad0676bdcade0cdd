"""Audio files and signals: read, write, resample, bring to a level."""
