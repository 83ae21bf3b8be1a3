"""The server that dev/push starts.

python push_server.py URL CERTIFICATE KEY SERVICE_ACCOUNT GOOGLE_PUBLIC APPLE_PUBLIC KEY_ID TEAM_ID TOPIC LOG
"""

import asyncio
import json
import secrets
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import googleapiclient
import jwt
from hypercorn.asyncio import serve
from hypercorn.config import Config

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FCM = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
DESCRIPTION = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "fcm.v1.json"
KINDS = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}


class Refused(Exception):
    """Status and body of a refusal."""


def faults(value, schema, schemas, at="body"):
    """What is wrong with a value of Google's description."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "any":
        return
    if not isinstance(value, KINDS[kind]):
        yield f"{at}: {value!r} is no {kind}"
    elif kind == "array":
        for place, entry in enumerate(value):
            yield from faults(entry, schema["items"], schemas, f"{at}[{place}]")
    elif kind == "object":
        for name, entry in value.items():
            # JSON of Google's messages has a field by either of its names (ProtoJSON).
            first, *more = name.split("_")
            camel = first + "".join(word.capitalize() for word in more)
            known = schema.get("properties", {}).get(camel) or schema.get("additionalProperties")
            if known is None:
                yield f"{at}.{name} is unknown"
            else:
                yield from faults(entry, known, schemas, f"{at}.{name}")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"


class Services:
    def __init__(self, account, google, apple, key_id, team_id, topic):
        self._account, self._google, self._apple = account, google, apple
        self._key_id, self._team_id, self._topic = key_id, team_id, topic
        self._schemas = json.loads(DESCRIPTION.read_text())["schemas"]
        self._given = {}

    def answer(self, path, headers, version, body):
        if path == urlsplit(self._account["token_uri"]).path:
            return self._token(body)
        if version != "2":
            raise Refused(505, {"reason": "HTTP/2 alone"})
        if path == f"/v1/projects/{self._account['project_id']}/messages:send":
            return self._fcm(headers, body)
        if path.startswith("/3/device/"):
            return self._apns(path.removeprefix("/3/device/"), headers, body)
        raise Refused(404, {"reason": "BadPath"})

    def _token(self, body):
        form = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
        try:
            if form["grant_type"] != GRANT:
                raise jwt.InvalidTokenError(form["grant_type"])
            claims = jwt.decode(
                form["assertion"],
                self._google,
                algorithms=["RS256"],
                audience=self._account["token_uri"],
                issuer=self._account["client_email"],
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
            if claims["scope"] != SCOPE or claims["exp"] - claims["iat"] > 3600:
                raise jwt.InvalidTokenError("scope or life")
            if jwt.get_unverified_header(form["assertion"])["kid"] != self._account["private_key_id"]:
                raise jwt.InvalidTokenError("kid")
        except (KeyError, jwt.InvalidTokenError) as error:
            raise Refused(400, {"error": "invalid_grant", "error_description": repr(error)}) from None
        token = secrets.token_urlsafe(24)
        self._given[token] = time.time() + 3600
        return 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def _fcm(self, headers, body):
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._given.get(token, 0) < time.time():
            raise Refused(401, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "who are you"}})
        request = json.loads(body)
        wrong = list(faults(request, {"$ref": "SendMessageRequest"}, self._schemas))
        message = request.get("message", {})
        if wrong or "token" not in message:
            details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": str(wrong)}]}]
            error = {"code": 400, "status": "INVALID_ARGUMENT", "message": str(wrong), "details": details}
            raise Refused(400, {"error": error})
        if message["token"].startswith("dead"):
            details = [{"@type": FCM, "errorCode": "UNREGISTERED"}]
            error = {"code": 404, "status": "NOT_FOUND", "message": "Requested entity was not found.", "details": details}
            raise Refused(404, {"error": error})
        return 200, {"name": f"projects/{self._account['project_id']}/messages/{secrets.token_hex(8)}"}

    def _apns(self, token, headers, body):
        kind, _, signed = headers.get("authorization", "").partition(" ")
        try:
            if kind != "bearer" or jwt.get_unverified_header(signed)["kid"] != self._key_id:
                raise jwt.InvalidTokenError(kind)
            options = {"require": ["iss", "iat"]}
            claims = jwt.decode(signed, self._apple, algorithms=["ES256"], issuer=self._team_id, options=options)
        except (KeyError, jwt.InvalidTokenError):
            raise Refused(403, {"reason": "InvalidProviderToken"}) from None
        if abs(time.time() - claims["iat"]) > 3600:
            raise Refused(403, {"reason": "ExpiredProviderToken"})
        if headers.get("apns-topic") != self._topic:
            raise Refused(400, {"reason": "BadTopic"})
        try:
            bytes.fromhex(token)
            uuid.UUID(headers["apns-id"])
            int(headers["apns-expiration"])
            payload = json.loads(body)["aps"]["alert"]["body"]
        except (KeyError, ValueError) as error:
            raise Refused(400, {"reason": f"cannot be read: {error!r}"}) from None
        if headers["apns-push-type"] != "alert" or headers["apns-priority"] not in ("5", "10") or not payload:
            raise Refused(400, {"reason": "BadPriority"})
        if len(headers["apns-collapse-id"]) > 64:
            raise Refused(400, {"reason": "BadCollapseId"})
        if len(body) > 4096:
            raise Refused(413, {"reason": "PayloadTooLarge"})
        if token.startswith("dead"):
            raise Refused(410, {"reason": "Unregistered", "timestamp": int(time.time() * 1000) - 60_000})
        return 200, None


def application(services, log):
    async def answer(scope, receive, send):
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body, more = body + event.get("body", b""), event.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path, version = scope["path"], scope["http_version"]
        try:
            status, told = services.answer(path, headers, version, body)
        except Refused as refused:
            status, told = refused.args
        line = {
            "path": path,
            "version": version,
            "scheme": scope["scheme"],
            "status": status,
            "told": None if path == "/token" and status == 200 else told,
            "headers": {name: value for name, value in headers.items() if name != "authorization"},
            "body": json.loads(body) if headers.get("content-type") == "application/json" else None,
        }
        log.write(json.dumps(line) + "\n")
        log.flush()
        content = b"" if told is None else json.dumps(told).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": content})

    return answer


def main(url, certificate, key, account, google, apple, key_id, team_id, topic, log):
    config = Config()
    config.bind = [urlsplit(url).netloc]
    config.certfile, config.keyfile = certificate, key
    config.alpn_protocols = ["h2", "http/1.1"]
    config.accesslog = None
    services = Services(
        json.loads(Path(account).read_text()), Path(google).read_text(), Path(apple).read_text(), key_id, team_id, topic
    )
    with open(log, "a") as log:
        asyncio.run(serve(application(services, log), config))


if __name__ == "__main__":
    main(*sys.argv[1:])
