"""What instructors run, and what authors import in checks.py."""

from rnncourse.grading.author import exercise, mistakes, slips

__all__ = ["exercise", "mistakes", "slips"]
