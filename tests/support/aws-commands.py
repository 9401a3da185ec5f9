"""Checks commands of the AWS command line against botocore's models; nothing is sent anywhere.

Standard input: a JSON array of texts, each one line of a shell. Standard output: a JSON array of the same length, of what is wrong with each.
"""

import json
import re
import shlex
import sys

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

session = botocore.session.get_session()
# Options of the command line itself: whether a value follows.
GLOBAL = {
    "region": True, "profile": True, "output": True, "query": True, "endpoint-url": True, "cli-binary-format": True,
    "cli-read-timeout": True, "cli-connect-timeout": True, "color": True, "ca-bundle": True, "debug": False,
    "no-cli-pager": False, "no-paginate": False, "no-sign-request": False, "no-verify-ssl": False,
}
PAGING = {"max-items": True, "page-size": True, "starting-token": True}
INPUT = {"cli-input-json": True, "cli-input-yaml": True, "generate-cli-skeleton": True}
# What the command line adds to a service, beside the operations of its model: the options, each with or without a value, and the words without a name.
ADDED = {
    ("logs", "tail"): ({"since": True, "format": True, "filter-pattern": True, "follow": False, "log-stream-names": True}, 1),
    ("s3", "ls"): ({"recursive": False, "human-readable": False, "summarize": False}, 1),
    ("s3", "cp"): ({"recursive": False, "dryrun": False, "quiet": False, "exclude": True, "include": True}, 2),
}
# Services that the command line calls otherwise than their models.
RENAMED = {"s3api": "s3"}
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*")
SHELL_VALUE = re.compile(r"[$`]")


def calls(line):
    """The words of each call of aws in a line, which may have pipes, assignments and substitutions around it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found, words = [], []
    for word in [*lexer, ";"]:
        if re.fullmatch(r"[();<>|&]+", word):
            while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
                words = words[1:]
            if words and words[0] == "aws":
                found.append(words[1:])
            words = []
        else:
            words.append(word)
    return found


def check(line):
    try:
        found = calls(line)
    except ValueError as error:
        return [f"the shell cannot read it: {error}"]
    return [problem for words in found for problem in check_call(words)] if found else ["no call of aws in it"]


def check_call(words):
    words, problems = without_global(words)
    if problems or len(words) < 2:
        return problems or ["aws SERVICE OPERATION is missing"]
    service, operation, *rest = words
    if (service, operation) in ADDED:
        return check_added(operation, *ADDED[(service, operation)], rest)
    try:
        service = RENAMED.get(service, service)
        model = session.get_service_model(service)
    except UnknownServiceError:
        return [f"no service {service}"]
    if operation == "wait":
        return check_wait(service, model, rest)
    name = next((each for each in model.operation_names if xform_name(each, "-") == operation), None)
    return [f"{service} has no operation {operation}"] if name is None else check_options(service, model, name, rest)


def without_global(words):
    """Takes out the options of the command line itself, which may stand anywhere."""
    kept, index = [], 0
    while index < len(words):
        name, equals, _ = words[index][2:].partition("=")
        if words[index].startswith("--") and name in GLOBAL:
            index += 2 if GLOBAL[name] and not equals else 1
            if index > len(words):
                return kept, [f"--{name} has no value"]
        else:
            kept.append(words[index])
            index += 1
    return kept, []


def check_added(operation, options, positional, words):
    plain, given = split(words)
    problems = [f"{operation} has no option --{name}" for name, _ in given if name not in options]
    # What follows an option without a value is a word of its own.
    plain += [value for name, values in given if options.get(name) is False for value in values]
    return problems or ([] if len(plain) == positional else [f"{operation} takes {positional} words, got {len(plain)}"])


def check_wait(service, model, words):
    if not words:
        return ["wait for what is missing"]
    waiters = session.create_client(service, region_name="eu-central-1").waiter_names
    if words[0].replace("-", "_") not in waiters:
        return [f"{service} cannot wait for {words[0]}"]
    config = session.get_waiter_model(service).get_waiter("".join(part.title() for part in words[0].split("-")))
    return check_options(service, model, config.operation, words[1:])


def split(words):
    """Words before the first option, and the options with the words that follow each."""
    plain, options = [], []
    for word in words:
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            options.append((name, [value] if equals else []))
        elif options:
            options[-1][1].append(word)
        else:
            plain.append(word)
    return plain, options


def check_options(service, model, name, words):
    operation = model.operation_model(name)
    shape = operation.input_shape
    members = {} if shape is None else {xform_name(member, "-"): (member, of) for member, of in shape.members.items()}
    plain, given = split(words)
    problems = []
    # A stream that it answers with goes to the file that is named last.
    if operation.has_streaming_output and given and len(given[-1][1]) > 1:
        given[-1][1].pop()
    elif operation.has_streaming_output:
        problems.append(f"{xform_name(name, '-')} needs the file that its answer goes to")
    problems += [f"{word} belongs to no option" for word in plain]
    extras = {**INPUT, **(PAGING if session.create_client(service, region_name="eu-central-1").can_paginate(xform_name(name)) else {})}
    seen = set()
    for option, values in given:
        if option in members:
            member, of = members[option]
            seen.add(member)
            problems += [f"--{option}: {text}" for text in check_values(of, values)]
        elif option.startswith("no-") and option[3:] in members and members[option[3:]][1].type_name == "boolean":
            seen.add(members[option[3:]][0])
        elif option not in extras:
            problems.append(f"{xform_name(name, '-')} has no option --{option}")
    required = [] if shape is None or any(option in INPUT for option, _ in given) else shape.required_members
    return problems + [f"--{xform_name(member, '-')} is missing" for member in required if member not in seen]


def check_values(shape, values):
    """What follows an option: JSON, the shorthand of the command line, or plain values."""
    kind = shape.type_name
    if kind == "boolean":
        return [] if values in ([], ["true"], ["false"]) else [f"takes no value, got {values[0]}"]
    if not values:
        return ["has no value"]
    if values[0].startswith(("file://", "fileb://")) or is_whole(values[0]):
        return []
    if kind in ("structure", "list", "map") and re.match(r"""\s*(\[|{\s*["}])""", values[0]):
        return check_json(shape, values)
    if kind == "list":
        return [problem for value in values for problem in check_value(shape.member, value)]
    return check_value(shape, values[0]) if len(values) == 1 else [f"takes one value, got {len(values)}"]


def is_whole(text):
    """Whether the whole value is what the reader puts in, or a variable of the shell."""
    return PLACEHOLDER.fullmatch(text) is not None or text.startswith("$")


def check_json(shape, values):
    if len(values) > 1:
        return [f"takes one JSON text, got {len(values)} words"]
    # A number that the reader puts in stands without quotes.
    text = re.sub(r"(?<=[:\[,])\s*[A-Z][A-Z0-9_]*(?=\s*[,}\]])", "0", values[0])
    try:
        return check_parsed(shape, json.loads(text))
    except json.JSONDecodeError as error:
        return [] if SHELL_VALUE.search(text) else [f"is no JSON: {error}"]


def check_parsed(shape, value):
    if shape.type_name == "list" and isinstance(value, list):
        return [problem for each in value for problem in check_parsed(shape.member, each)]
    if shape.type_name == "structure" and isinstance(value, dict):
        return check_members(shape, {key: [each] for key, each in value.items()}, check_parsed)
    return check_value(shape, value) if isinstance(value, str) else []


def check_members(shape, given, checker):
    problems = [f"no member {key} in {', '.join(shape.members)}" for key in given if key not in shape.members]
    problems += [f"{member} is missing" for member in shape.required_members if member not in given]
    known = [(shape.members[key], value) for key, values in given.items() if key in shape.members for value in values]
    return problems + [problem for of, value in known for problem in checker(of, value)]


def check_value(shape, text):
    kind = shape.type_name
    if kind == "structure":
        return check_shorthand(shape, text)
    if kind == "list":
        return [problem for each in text.strip("[]").split(",") for problem in check_value(shape.member, each)]
    if is_whole(text) or SHELL_VALUE.search(text):
        return []
    if kind in ("integer", "long", "float", "double") and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return [f"{text} is no number"]
    if kind == "string" and shape.enum and text not in shape.enum:
        return [f"{text} is none of {', '.join(shape.enum)}"]
    return []


def check_shorthand(shape, text):
    """Key=value,key=value; a part without `=` goes on with the list before it, and braces hold a structure of their own."""
    if is_whole(text):
        return []
    given, last = {}, None
    for part in re.split(r",(?![^\[{]*[\]}])", text.removeprefix("{").removesuffix("}") if text.startswith("{") else text):
        key, equals, value = part.partition("=")
        if equals:
            last = given.setdefault(key, [])
            last.append(value)
        elif last is None:
            return [f"{part} is not KEY=VALUE"]
        else:
            last.append(part)
    return check_members(shape, given, lambda of, value: check_value(of.member if of.type_name == "list" else of, value))


json.dump([check(line) for line in json.load(sys.stdin)], sys.stdout)
