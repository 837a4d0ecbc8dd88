"""What instructors run, and what authors import in checks.py."""

from rnncourse.grading.author import exercise

__all__ = ["exercise"]
