"""Compare, judge and diagnose what a function returned. Students meet it through `rnncourse.check`."""
