"""Reads benchmark files and user settings, validates them, and finds the plugins they name."""
