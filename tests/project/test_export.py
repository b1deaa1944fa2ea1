"""What an export writes is read back as what the server had."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from glulam.project.export import definition, files
from glulam.project.folder import load
from project.conftest import thing


def test_files_and_names(tmp_path: Path) -> None:
    found = {
        thing("databases", "d"): {"Description": "x"},
        thing("tables", "d", "t.1"): {"Parameters": {"a": "1"}},
        thing("tables", "dot.ted", "t"): {},
        thing("classifiers", "k"): {"JsonClassifier": {"JsonPath": "$[*]"}},
        thing("jobs", "a/b"): {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/b"}},
        thing("jobs", "a b"): {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/b"}},
        thing("jobs", "../a_b"): {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/b"}},
    }
    texts = files("p", found)
    assert sorted(texts) == [
        "classifiers/k.yaml", "databases/d.yaml", "glulam.yaml", "jobs/_a_b.yaml", "jobs/a_b-2.yaml", "jobs/a_b.yaml",
        "tables/d/t.1.yaml", "tables/dot.ted/t.yaml",
    ]  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    made = load(tmp_path, None, {}, {})
    assert {id: r.document for id, r in made.resources.items()} == found


def test_an_event_pattern_is_a_mapping(tmp_path: Path) -> None:
    pattern = '{"detail": {"a": [{"prefix": ""}, "5", 5, false, null, "$${x}"]}}'
    texts = files("p", {thing("events", "e"): {"EventPattern": pattern, "workflows": ["w"]}})
    assert "prefix: ''" in texts["events/e.yaml"]
    (tmp_path / "glulam.yaml").write_text("project: p\n" + texts["events/e.yaml"], "utf-8")
    found = load(tmp_path, None, {}, {}).resources[thing("events", "e")].document
    assert found == {"EventPattern": pattern, "workflows": ["w"]}


def test_secrets_become_references() -> None:
    found = definition(
        thing("connections", "my db"),
        {
            "ConnectionProperties": {"PASSWORD": "hunter2", "USERNAME": "me", "SECRET_ID": "arn"},
            "SparkProperties": {"ENCRYPTED_api_key": "c2VhbGVk", "empty": ""},
        },
    )
    assert found == {
        "ConnectionProperties": {
            "PASSWORD": "${secret:MY_DB_PASSWORD}",
            "USERNAME": "me",
            "SECRET_ID": "arn",
        },
        "SparkProperties": {"api_key": "${secret:MY_DB_API_KEY}"},
    }


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(texts, texts)
def test_any_text_survives(key: str, value: str) -> None:
    """As filled texts: what stands in the file is what a project reads."""
    (text,) = [
        t
        for p, t in files("p", {thing("jobs", "j"): {"DefaultArguments": {key: value}}}).items()
        if "jobs" in p
    ]
    loader = yaml.SafeLoader(text)
    node = loader.get_single_node()
    found = {k.value: v for k, v in node.value[0][1].value[0][1].value}.get("DefaultArguments")
    assert (found is None) == (value == "")
    if found is not None:
        assert [(k.value, v.value) for k, v in found.value] == [(key, value)]
        assert found.value[0][1].tag == "tag:yaml.org,2002:str"
