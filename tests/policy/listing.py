"""A list of prices of our own, in genai-prices' types, in the place of the one that it brings."""

from datetime import date
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ClauseEquals,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
)

from bestroute.policy import listed


def amount(input_, output):
    return ModelPrice(input_mtok=Decimal(input_), output_mtok=Decimal(output))


def model(name, prices):
    return ModelInfo(id=name, match=ClauseEquals(name), prices=prices)


LONG = TieredPrices(base=Decimal(3), tiers=[Tier(start=200_000, price=Decimal(6))])
ACME = Provider(
    id="acme",
    name="Acme",
    api_pattern=r"https://api\.acme\.example",
    model_match=ClauseStartsWith("road-"),
    models=[
        model("road-small", amount("0.1", "0.2")),
        model("road-large", amount("2.5", "10")),
        model("road-long", ModelPrice(input_mtok=LONG, output_mtok=Decimal(15))),
        model(
            "road-cut",
            [
                ConditionalPrice(prices=amount(4, 8)),
                ConditionalPrice(StartDateConstraint(date(2020, 1, 1)), prices=amount(2, 4)),
                ConditionalPrice(StartDateConstraint(date(9999, 1, 1)), prices=amount(1, 1)),
            ],
        ),
        model("road-talk", ModelPrice(output_mtok=Decimal(1))),
    ],
)
AZURE = Provider(
    id="azure", name="Azure", api_pattern="https://azure", models=[model("road-small", amount(9, 9))]
)


@pytest.fixture
def listing(monkeypatch):
    """Acme's list, and Azure's."""
    monkeypatch.setattr(listed, "_data", lambda: DataSnapshot([ACME, AZURE], False))
