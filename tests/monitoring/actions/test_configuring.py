"""Parameters of maps: one version after the other."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from audit.models import Entry
from database.actor import acting_as
from monitoring.actions import configuring
from monitoring.errors import ConfigRefused
from monitoring.maps import Parameters
from monitoring.models import MapConfig

pytestmark = pytest.mark.django_db


def test_the_documented_defaults_are_in_force_first(engineer: User) -> None:
    with acting_as(engineer.pk):
        config = configuring.in_force()

    assert config.parameters == Parameters()
    assert config.alarm_level == 0.01
    assert configuring.in_force().pk == config.pk


def test_plain_sql_gets_the_documented_defaults() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO config_data DEFAULT VALUES RETURNING id")
        made = MapConfig.objects.get(pk=cursor.fetchone()[0])

    assert made.parameters == Parameters()


def test_a_new_version_changes_what_is_said_and_keeps_the_rest(engineer: User) -> None:
    first = configuring.configure({"imax": 50, "alarm_level": 0.05}, by=engineer)
    second = configuring.configure({"which_w1": "anneal"}, by=engineer)

    assert (second.imax, second.alarm_level, second.which_w1) == (50, 0.05, "anneal")
    assert second.pk > first.pk
    assert configuring.in_force().pk == second.pk
    assert MapConfig.objects.get(pk=first.pk).which_w1 == "auto"
    told = Entry.objects.filter(action="map_config.made").order_by("pk").last()
    assert told is not None
    assert told.changes_after == {"which_w1": "anneal"}


def test_values_that_are_in_force_make_no_new_version(engineer: User) -> None:
    first = configuring.configure({"seed": 3}, by=engineer)

    assert configuring.configure({"seed": 3}, by=engineer).pk == first.pk


def test_everything_that_is_wrong_is_told_at_once(engineer: User) -> None:
    with pytest.raises(ConfigRefused) as refused:
        configuring.configure(
            {"lowdim": 3, "alpha": 0, "alarm_level": 1.5, "end_meta": "f_0", "group_column": "f_0"},
            by=engineer,
        )

    assert [problem.field for problem in refused.value.problems] == [
        "alpha",
        "lowdim",
        "start_dim",
        "alarm_level",
        "group_column",
    ]
    assert "lowdim is 3; maps have 2 dimensions" in str(refused.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gamma": 1}, "gamma is no parameter"),
        ({"alarm_level": True}, "alarm_level is True"),
        ({"group_column": "a\x00"}, "cannot be stored"),
        ({"group_column": 5}, "group_column must be"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    engineer: User, values: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigRefused, match=said):
        configuring.configure(values, by=engineer)


def test_what_is_unwise_is_allowed_and_told(engineer: User) -> None:
    config = configuring.configure({"a": 1}, by=engineer)

    assert len(configuring.warnings(config)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO config_data (lowdim) VALUES (3)",
        "INSERT INTO config_data (optimizer) VALUES ('newton')",
        "INSERT INTO config_data (end_meta) VALUES ('f_0')",
        "INSERT INTO config_data (alarm_level) VALUES (1)",
        "INSERT INTO config_data (alpha) VALUES ('NaN')",
        "UPDATE config_data SET seed = 9",
        "DELETE FROM config_data",
    ],
)
def test_the_database_refuses_it_too(engineer: User, statement: str) -> None:
    configuring.in_force()

    with (
        pytest.raises(Error, match="config_data_|permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
