"""A desk for every test that collects."""

import pytest

from tests.answering.fake_endpoint import Numbered
from tests.records.collect.desk import Desk


@pytest.fixture
def desk(tmp_path, fake_endpoint):
    fake_endpoint.play(Numbered())
    return Desk(tmp_path, fake_endpoint.base_url)
