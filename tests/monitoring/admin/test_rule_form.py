"""The form of a rule: written without JSON, shown either way, each problem beside its field."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from accounts.models import User
from database.models import SystemSetting
from monitoring.models import AlertRule, BaselineMap, Dataset
from tests.monitoring.admin.conftest import LogIn
from tests.monitoring.alerting.making import make_rule

pytestmark = pytest.mark.django_db

NEW = "/monitoring/alertrule/new/"
WHOLE: dict[str, Any] = {
    "condition": {
        "any": [
            {"metric": "severity", "op": "in", "value": ["high", "critical"]},
            {"metric": "window.count", "op": "gt", "value": 4, "window": {"seconds": 7200}},
            {"metric": "meta.hall", "op": "in", "value": ['a "b"', "c, d"]},
            {"metric": "off_map", "op": "eq", "value": True},
        ]
    },
    "clear": {"metric": "ratio", "op": "lt", "value": 0.8},
    "for": {"points": 3},
    "keep_firing_for": {"seconds": 600},
    "group_by": ["meta.participant", "meta.machine <b>"],
    "no_data": "alert",
    "no_data_after": {"seconds": 3600},
}
TOLD: list[dict[str, Any]] = [
    {"type": "email", "to": ["a@b.org", "c@d.org"], "severity": "high"},
    {"type": "email", "to": ["e@f.org"], "events": ["escalated"]},
    {"type": "webhook", "events": ["fired", "resolved"]},
]
NESTED: dict[str, Any] = {"not": {"metric": "severity", "op": "eq", "value": "none"}}


class Filled(HTMLParser):
    """What a browser would send of the form that is written by hand, with its buttons left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.select, self.depth, self.area, self.in_template = "", 0, "", False
        self.first: dict[str, str] = {}
        self.feed(page[page.index('class="section rule-form"') : page.index("<aside")])
        del self.sent["csrfmiddlewaretoken"]
        for name, value in self.first.items():
            self.sent.setdefault(name, [value])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.in_template |= tag == "template"
        name = said.get("name", "")
        if self.in_template:
            return
        if tag == "select":
            self.select = name
        elif tag == "textarea":
            self.area, self.sent[name] = name, [""]
        elif tag == "option" and self.select:
            self.first.setdefault(self.select, said["value"])
            if "selected" in said:
                self.sent[self.select] = [said["value"]]
        elif tag == "input" and name and (said.get("type") != "checkbox" or "checked" in said):
            self.sent.setdefault(name, []).append(said.get("value", "on"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self.in_template = False
        elif tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.sent[self.area][0] += data


def filled(response: Any) -> dict[str, list[str]]:
    """The page's form as it stands."""
    return Filled(response.content.decode()).sent


def said(response: Any) -> str:
    """The page."""
    text: str = response.content.decode()
    return text


def test_a_rule_comes_back_from_its_page_as_it_was(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    rule = make_rule(press, condition=WHOLE, actions=TOLD, escalate_seconds=5400)
    address, client = f"/monitoring/alertrule/{rule.pk}/change/", log_in(engineer)

    page = client.get(address)
    form = filled(page)
    assert form["way"] == ["form"]
    assert form["columns"] == ["participant", "machine <b>"]
    # The other columns of the map can be chosen as well.
    assert 'value="segID"' in said(page)
    assert (form["escalate_seconds"], form["escalate_seconds-unit"]) == (["90"], ["minutes"])
    client.post(address, form | {"name": ["Heat"]})

    rule.refresh_from_db()
    assert (rule.name, rule.condition, rule.actions) == ("Heat", WHOLE, TOLD)
    assert (rule.escalate_seconds, rule.repeat_seconds) == (5400, 14_400)


def test_a_rule_is_made_from_what_the_empty_form_offers(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    form = filled(client.get(f"{NEW}?dataset={press.pk}&example=3"))

    answer = client.post(NEW, form | {"name": ["Silence"], "dataset": [str(press.pk)]})

    rule = AlertRule.objects.get()
    assert answer.headers["Location"] == f"/monitoring/alertrule/{rule.pk}/change/"
    assert (rule.condition["no_data"], rule.actions) == ("alert", [{"type": "webhook"}])


def test_the_form_turns_into_json_and_back(press: Dataset, engineer: User, log_in: LogIn) -> None:
    rule = make_rule(press, condition=WHOLE, actions=TOLD)
    address, client = f"/monitoring/alertrule/{rule.pk}/change/", log_in(engineer)
    form = filled(client.get(address)) | {"name": ["Not yet"], "lasting": ["7"]}

    as_json = filled(client.post(address, form | {"turn": ["json"]}))

    assert (as_json["way"], as_json["name"]) == (["json"], ["Not yet"])
    assert json.loads(as_json["condition"][0]) == WHOLE | {"for": {"points": 7}}
    assert json.loads(as_json["actions"][0]) == TOLD
    assert filled(client.get(f"{address}?as=json"))["way"] == ["json"]
    again = filled(client.post(address, as_json | {"turn": ["form"]}))
    assert again == form
    rule.refresh_from_db()
    assert (rule.name, rule.condition) == ("Vibration", WHOLE)


def test_what_the_form_cannot_say_opens_and_stays_as_json(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    rule = make_rule(press, condition=NESTED)
    address, client = f"/monitoring/alertrule/{rule.pk}/change/", log_in(engineer)

    page = client.get(address)
    assert "The form cannot show this rule" in said(page)
    form = filled(page)
    turned = client.post(address, form | {"turn": ["form"]})
    assert turned.status_code == 200
    assert "The form cannot show this rule" in said(turned)
    wrong = client.post(address, form | {"condition": ['{"metric": "x"}'], "turn": ["form"]})
    assert wrong.status_code == 400
    assert "$.metric" in said(wrong)
    assert filled(wrong)["condition"] == ['{"metric": "x"}']
    saved = client.post(address, form | {"name": ["Still nested"]})

    assert saved.headers["Location"] == f"{address}?as=json"
    rule.refresh_from_db()
    assert (rule.name, rule.condition) == ("Still nested", NESTED)


def test_an_address_that_alerts_may_not_write_to_is_told_beside_its_field(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    SystemSetting.objects.create(setting_key="alert_mail_domains", setting_value=["plant.example"])
    client = log_in(engineer)
    form = filled(client.get(f"{NEW}?dataset={press.pk}")) | {
        "mail-0-to": ["ada@plant.example, eve@elsewhere.example"]
    }

    page = client.post(NEW, form)

    assert page.status_code == 400
    assert '<a href="#mail-0-to">' in said(page)
    assert "Alerts may not be mailed to elsewhere.example, only to plant.example." in said(page)
    assert not AlertRule.objects.exists()


def test_problems_stand_beside_their_fields_and_nothing_typed_is_lost(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    form = filled(client.get(f"{NEW}?dataset={press.pk}")) | {
        "condition-0-metric": ["drift.p_value"],
        "condition-0-value": ["0,5"],
        "condition-0-window": ["3"],
        "condition-1-metric": ["p_value"],
        "condition-1-value": ["7"],
        "clear-join": ["any"],
        "lasting": ["soon"],
        "mail-0-to": ["nobody"],
        "more_columns": ["hall, line"],
        "repeat_seconds": ["often"],
    }

    page = client.post(NEW, form)

    assert page.status_code == 400
    assert filled(page) == form | filled(page)
    text = said(page)
    for name, sentence in (
        ("condition-0-value", "“0,5” is no number"),
        ("condition-1-value", "p-value goes from 0 to 1; 7 is outside."),
        ("clear-0-metric", "Choose what is looked at."),
        ("lasting", "whole number of samples"),
        ("mail-0-to", "nobody: It is no e-mail address."),
        ("repeat_seconds", "whole number of seconds"),
    ):
        assert f'<a href="#{name}">' in text
        assert f'id="{name}"' in text
        # In the list above the form, and beside the field.
        assert text.count(sentence) == 2
    turned = client.post(NEW, form | {"turn": ["json"]})
    assert (turned.status_code, filled(turned)["way"]) == (400, ["form"])
    assert not AlertRule.objects.exists()


def test_rows_come_and_go_without_a_script(press: Dataset, engineer: User, log_in: LogIn) -> None:
    client = log_in(engineer)
    form = filled(client.get(f"{NEW}?dataset={press.pk}")) | {"name": ["Kept"]}

    for kind in ("condition", "clear", "mail"):
        page = client.post(NEW, form | {"more": [kind]})
        assert page.status_code == 200
        form = filled(page)
        assert said(page).count("autofocus") == 1
        assert any(name.startswith(f"{kind}-1-") for name in form)
    form |= {"condition-1-metric": ["distance"], "condition-1-value": ["far"]}
    form = filled(client.post(NEW, form | {"drop": ["condition-0"]}))
    assert (form["condition-0-metric"], form["condition-0-value"]) == (["distance"], ["far"])
    assert "condition-1-metric" not in form
    form = filled(client.post(NEW, form | {"drop": ["condition-0"]}))
    assert (form["condition-0-metric"], form["name"]) == ([""], ["Kept"])
    assert client.post(NEW, form | {"drop": ["nothing-9"]}).status_code == 200


def test_a_rule_is_tried_from_the_form(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    form = filled(client.get(f"{NEW}?dataset={press.pk}")) | {
        "condition-0-severity": ["low"],
        "try": ["yes"],
    }

    page = client.post(NEW, form)
    assert "It would have raised 1 alert" in said(page)
    wrong = client.post(NEW, form | {"condition-0-op": ["over"]})
    assert wrong.status_code == 400
    assert "This comes first" in said(wrong)
    assert not AlertRule.objects.exists()


def test_whoever_may_not_change_a_rule_reads_it_either_way(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    rule = make_rule(press, condition=WHOLE)
    engineer.role = "viewer"
    engineer.save(update_fields=["role"])
    address, client = f"/monitoring/alertrule/{rule.pk}/change/", log_in(engineer)

    for way in ("form", "json"):
        page = said(client.get(f"{address}?as={way}"))
        assert '<fieldset class="rule-fields" disabled>' in page
        assert "Add a comparison</button>" not in page
        assert 'href="?as=json"' in page
    assert client.post(address, {"turn": "json"}).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a\x00b"},
        {"condition": '{"metric": "meta.hall", "op": "eq", "value": "\\u0000"}'},
        {"condition": '{"metric": "meta.hall", "op": "eq", "value": "\\ud800"}'},
        {"condition": '{"metric": "distance", "op": "gt", "value": NaN}'},
        {"actions": '[{"type": "email", "to": ["\\ud800@b.org"]}]'},
    ],
)
def test_signs_that_cannot_be_kept_are_refused(
    changes: dict[str, str], press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    form = filled(client.get(f"{NEW}?dataset={press.pk}&as=json")) | {"name": ["A"]}
    form |= {name: [value] for name, value in changes.items()}

    page = client.post(NEW, form)

    if "name" in changes:
        assert AlertRule.objects.get().name == "ab"
    else:
        assert page.status_code == 400
        assert not AlertRule.objects.exists()
