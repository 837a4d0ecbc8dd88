"""Surnames by locale that come with Faker: no download."""

import importlib
from collections import Counter
from importlib import metadata

from rnncourse.data.checksum import verify

_LOCALES = "cs_CZ de_DE en_US es_ES et_EE fi_FI fr_FR ga_IE hr_HR it_IT nl_NL sv_SE zu_ZA".split()
_SHA256 = "a84f711caf9325a5f3f998a36d394f9d15e5291db8b90169fa7494343282a05a"


def surnames() -> dict[str, list[str]]:
    """Surnames by locale ("fi_FI"), sorted; 13 locales of Latin script, and only names that one of them alone has.

    Source: the Faker package (MIT licence), whose lists are made for test data: they are no census.
    """
    lists = {locale: sorted(set(_provider(locale).last_names)) for locale in _LOCALES}
    count = Counter(name for names in lists.values() for name in names)
    kept = {locale: [name for name in names if count[name] == 1] for locale, names in lists.items()}
    verify(
        "\n".join("\t".join([locale, *names]) for locale, names in kept.items()).encode(),
        _SHA256,
        f"surnames() from Faker {metadata.version('faker')}",
        "Install the versions that the course pins: pip install -r requirements.lock",
    )
    return kept


def _provider(locale: str):
    return importlib.import_module(f"faker.providers.person.{locale}").Provider
