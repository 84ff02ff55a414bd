"""What schemathesis must know beyond openapi.json (named in schemathesis.toml)."""

import os
import uuid

import schemathesis

PROTECTED = frozenset(os.environ["FULCRUM_PROTECTED_IDS"].lower().split())
READING = {"GET", "HEAD", "OPTIONS", "TRACE"}


@schemathesis.hook
def before_call(context, case, kwargs):
    # Schemathesis uses ids that it saw in answers. Deleting or disabling the users it is signed in as,
    # or their roles, would turn the rest of the run into 401s and 403s: another id stands in for theirs.
    if case.method.upper() not in READING:
        for name, value in (case.path_parameters or {}).items():
            if str(value).lower() in PROTECTED:
                case.path_parameters[name] = str(uuid.uuid4())
    # The example key on every request would make each second one "same key, other content" (422), and
    # nothing behind that check would ever be reached. A key that is meant to be bad stays as it is.
    headers = case.headers or {}
    if "Idempotency-Key" in headers and not is_negative(case, "header"):
        headers["Idempotency-Key"] = str(uuid.uuid4())


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # Cursors are authenticated: a generated one is well-formed by the schema and still a 400.
    made_up_cursor = response.status_code == 400 and "cursor" in (case.query or {})
    return not (made_up_cursor and type(failure).__name__ == "RejectedPositiveData")


def is_negative(case, location):
    return case.meta is not None and any(
        where.value == location and component.mode.is_negative for where, component in case.meta.components.items()
    )
