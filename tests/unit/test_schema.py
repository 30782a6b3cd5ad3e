"""A config against a schema: mistakes in words, against a schema of the test's own."""

import datetime

import pytest
import yaml

from embedshift.schema import mistakes, with_defaults

SCHEMA = yaml.safe_load("""
type: object
additionalProperties: false
required: [name, size]
properties:
  name: {type: string, minLength: 1, description: What it is called.}
  size: {$ref: "#/$defs/size"}
  level: {type: [number, "null"], exclusiveMinimum: -70, default: -23}
  values:
    oneOf:
      - {type: array, minItems: 1, items: {type: number}}
      - type: object
        additionalProperties: false
        required: [start]
        properties: {start: {type: number}, step: {type: number, exclusiveMinimum: 0}}
  batch:
    oneOf: [{const: auto}, {type: integer, minimum: 1}]
$defs:
  size: {type: integer, minimum: 0, description: How big it is.}
""")


def told(**changes):
    return mistakes({"name": "x", "size": 1, **changes}, SCHEMA)


def test_a_right_config_has_no_mistakes():
    assert told(values=[1, 2.5], batch="auto", level=None) == []
    assert told(values={"start": 1, "step": 0.5}, batch=3) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": "big"}, "size: found 'big' (a text). Allowed: a whole number, at least 0. It means: How big it is."),
        ({"size": None}, "size: found null. Allowed: a whole number, at least 0. It means: How big it is."),
        ({"name": ""}, "name: found '' (a text). Allowed: a text, at least 1 character. It means: What it is called."),
        ({"level": {"a": 1}}, "level: found {'a': 1} (a group of keys). Allowed: a number or null, more than -70."),
        ({"naem": 1}, "naem: unknown key. Did you mean name? Allowed here: name, size, level, values, batch."),
        ({"values": []}, "values: found [] (a list). Allowed: a list, at least 1 entry."),
        ({"values": [1, "x"]}, "values[1]: found 'x' (a text). Allowed: a number."),
        ({"values": [None]}, "values[0]: found null. Allowed: a number."),
        ({"values": {"start": 1, "step": -5.0}}, "values.step: found -5.0 (a number). Allowed: a number, more than 0."),
        ({"values": {"start": 1, "stp": 5}}, "values.stp: unknown key. Did you mean step? Allowed here: start, step."),
        ({"values": {}}, "values.start: missing."),
        ({"values": 3}, "values: found 3 (a whole number). Allowed: a list, at least 1 entry, or a group of keys with "
                        "the keys start, step."),
        ({"batch": 0}, "batch: found 0 (a whole number). Allowed: auto, or a whole number, at least 1."),
        ({"batch": [2]}, "batch: found [2] (a list). Allowed: auto, or a whole number, at least 1."),
    ],
)  # fmt: skip
def test_each_mistake_is_one_sentence(changes, sentence):
    assert told(**changes) == [sentence]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8e3", "8000"),
        ("1e-3", "0.001"),
        ("'5'", "5"),
        ("2.5e2", "250"),
        ("1e300", None),
        ("soon", None),
        ("'nan'", None),
    ],
)
def test_numbers_that_yaml_reads_as_texts_are_explained(text, number):
    value = yaml.safe_load(text)
    assert isinstance(value, str)
    (sentence,) = told(level=value)
    assert (f" Write {number}: YAML reads {value} as a text." in sentence) if number else ("Write" not in sentence)
    if number:
        assert told(level=yaml.safe_load(number)) == []


def test_every_missing_key_is_told_once():
    assert mistakes({}, SCHEMA) == [
        "name: missing. It means: What it is called.",
        "size: missing. It means: How big it is.",
    ]


def test_a_date_is_called_a_date():
    assert "(a date). Allowed: a text" in told(name=datetime.date(2024, 1, 2))[0]


def test_defaults_are_filled_in_without_touching_the_config():
    config = {"name": "x", "size": 1}
    assert with_defaults(config, SCHEMA) == {"name": "x", "size": 1, "level": -23}
    assert config == {"name": "x", "size": 1}
