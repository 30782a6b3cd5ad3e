"""Stands in for torchaudio.transforms."""
