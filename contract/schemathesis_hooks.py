"""What schemathesis must know beyond openapi.json (named in schemathesis.toml)."""

import os
import re
import uuid

import schemathesis
from hypothesis import strategies as st

PROTECTED = frozenset(os.environ["FULCRUM_PROTECTED_IDS"].lower().split())
EXTERNAL_ID = re.compile(r"[A-Za-z0-9._-]{1,60}:[^\0]{1,200}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
READING = {"GET", "HEAD", "OPTIONS", "TRACE"}

# Left to itself, the coverage phase makes headers of letters and digits, and none of these is an If-Match.
schemathesis.openapi.format("entity-tag", st.just("*") | st.integers(1, 9).map('"{}"'.format))


@schemathesis.hook
def before_call(context, case, kwargs):
    # Schemathesis uses ids that it saw in answers. Deleting or disabling the users it is signed in as,
    # or their roles, would turn the rest of the run into 401s and 403s: another id stands in for theirs.
    if case.method.upper() not in READING:
        for name, value in (case.path_parameters or {}).items():
            if str(value).lower() in PROTECTED:
                case.path_parameters[name] = str(uuid.uuid4())
    # A made-up cursor is a 400 whatever stands beside it, and no filter would ever be reached.
    query = case.query or {}
    if "cursor" in query and len(query) > 1 and not is_negative(case, "query"):
        del query["cursor"]
    # The example key on every request would make each second one "same key, other content" (422), and
    # nothing behind that check would ever be reached. A key that is meant to be bad stays as it is.
    headers = case.headers or {}
    if "Idempotency-Key" in headers and not is_negative(case, "header"):
        headers["Idempotency-Key"] = str(uuid.uuid4())


@schemathesis.hook
def filter_failure(context, failure, case, response):
    return not (type(failure).__name__ == "RejectedPositiveData" and is_rule_between_parameters(case, response))


def is_rule_between_parameters(case, response):
    """Whether a 400 says what no schema of a single parameter can say, and says so of this very request."""
    if response.status_code != 400:
        return False
    query = case.query or {}
    problem = response.json()
    # Cursors are authenticated: a generated one is well-formed by the schema and still not one of ours.
    if problem["code"] == "invalid_cursor":
        body = case.body if isinstance(case.body, dict) else {}
        return "cursor" in query or "cursor" in body
    together = [{"record_type", "record_id"}, {"subject_type", "subject_id"}]
    return problem["code"] == "invalid_parameters" and all(
        (error["code"] == "relevance_needs_search" and query.get("sort") == "relevance" and "q" not in query)
        or (error["code"] == "nothing_to_search" and "q" in query)
        # Taken from a body, where `external_id` is the id alone, and sent unchecked where it is `system:id`.
        or (error["pointer"] == "external_id" and not all(map(EXTERNAL_ID.fullmatch, listed(query.get("external_id")))))
        # A link took something else for an id, such as a secret: the schema says uuid, and links send unchecked.
        or (is_of_id(error) and not all(map(UUID.fullmatch, listed(query.get(parameter_of(error))))))
        # A span that ends before it begins, is too long, or begins where no schema of a date can forbid it.
        or (error["pointer"] in {"from", "to"} and error["code"] in {"too_small", "too_large"} and {"from", "to"} <= query.keys())
        or (
            error["code"] == "required"
            and any(error["pointer"] in pair and len(pair & query.keys()) == 1 for pair in together)
        )
        for error in problem["errors"]
    )


def parameter_of(error):
    return error["pointer"].split("/")[0]


def is_of_id(error):
    return parameter_of(error).endswith("_id") and parameter_of(error) != "external_id"


def listed(value):
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def is_negative(case, location):
    return case.meta is not None and any(
        where.value == location and component.mode.is_negative for where, component in case.meta.components.items()
    )
