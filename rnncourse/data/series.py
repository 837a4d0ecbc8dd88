"""Time series that come with statsmodels: public measurements, no download."""

import importlib
from importlib import metadata

import numpy as np

from rnncourse.data.checksum import verify

_SHA256 = {
    "sunspots": "4840fa78e283d21736f229e06444688c495474346c58d7b2a5a07c946da3ea28",
    "elnino": "ffafb03eaa530396f196bf5fa65f006ff1fb547498ae6d49718bea024665f9e0",
}


def sunspots() -> tuple[np.ndarray, np.ndarray]:
    """Yearly sunspot activity, 1700-2008: years (309,) int64 and activity (309,) float64.

    Activity is the yearly mean of the relative (Wolf) sunspot number: ten times the groups plus the single spots. This
    is version 1 of the series, superseded in 2015: its values from 1947 on are too high, by about 17 % (chapter 01).
    Source: National Geophysical Data Center (public domain), as bundled with statsmodels.
    """
    table = _table("sunspots")
    years = table["YEAR"].to_numpy().astype(np.int64)
    return _checked("sunspots", years, table["SUNACTIVITY"].to_numpy(dtype=np.float64))


def elnino() -> tuple[np.ndarray, np.ndarray]:
    """Monthly sea surface temperature off Peru, 1950-2010: months (732,) datetime64[M], degrees Celsius (732,) float64.

    Averaged over 0-10 degrees south, 80-90 degrees west (the Nino 1+2 region).
    Source: U.S. National Oceanic and Atmospheric Administration (public domain), as bundled with statsmodels.
    """
    table = _table("elnino")
    first = np.datetime64(f"{int(table['YEAR'].iloc[0])}-01", "M")
    degrees = table.drop(columns="YEAR").to_numpy(dtype=np.float64).ravel()
    return _checked("elnino", first + np.arange(degrees.size), degrees)


def _table(name: str):
    # imported here: statsmodels takes a second to load and five times the memory of the rest
    return importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data


def _checked(name: str, when: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    content = b"".join(array.astype(kind).tobytes() for array, kind in ((when, "<i8"), (values, "<f8")))
    verify(
        content,
        _SHA256[name],
        f"{name}() from statsmodels {metadata.version('statsmodels')}",
        "Install the versions that the course pins: pip install -r requirements.lock",
    )
    return when, values.copy()
