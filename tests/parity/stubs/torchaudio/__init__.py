"""Stands in for torchaudio, which msclap imports for reading files: nothing of it takes part in an embedding."""
