"""What authors run, and what they import in checks.py and mistakes.py."""

from rnncourse.authoring.author import exercise, mistakes, slips

__all__ = ["exercise", "mistakes", "slips"]
