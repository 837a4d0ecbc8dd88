"""Measure speed: reported, never asserted."""
