"""For nbval: what a notebook says on stderr (warnings, progress bars) is not compared."""


def pytest_collectstart(collector):
    if getattr(collector, "skip_compare", None) is not None:
        collector.skip_compare += ("stderr",)
