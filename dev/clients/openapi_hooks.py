"""What schemathesis checks besides: loaded by check_openapi."""

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

# What the key is called that all of it is asked with.
KEY = "check"


def answer(response):
    content_type = response.headers.get("content-type", [""])[0]
    return response.json() if content_type == "application/json" else {}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Nobody takes out what he stands on: the key, or the service key that messages are sent with."""
    named = case.path_parameters or {}
    if named.get("name") == KEY:
        named["name"] = "another"
    if named.get("key") == named.get("service_key"):
        named["key"] = "another"


@schemathesis.check
def nothing_that_does_not_fit_is_accepted(ctx, response, case):
    if answer(response).get("code") == "0000":
        negative_data_rejection(ctx, response, case)


@schemathesis.check
def what_is_accepted_is_named_by_its_id(ctx, response, case):
    told = answer(response)
    if told.get("code") == "0000" and case.operation.path.endswith("/sendMessage"):
        assert told["data"] == case.body["message_id"], f"sent {case.body['message_id']!r}, told {told['data']!r}"
